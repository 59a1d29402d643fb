// SPDX-License-Identifier: Apache-2.0
#include "tuner/layer_search.hpp"

#include <algorithm>
#include <utility>

#include "tuner/worker/killed.hpp"

namespace ditune {
namespace {

constexpr std::size_t kBatch = 8;         // configs measured together, while the next ones compile
constexpr std::size_t kLateBatch = 4;     // the one batch of a layer for which there is no time left
constexpr std::size_t kProposals = 4;     // times the trials: candidates looked at, those that are not measured too
constexpr std::size_t kCompileBatch = 8;  // configs compiled together where nothing is measured
constexpr std::size_t kLateCompile = 2;   // the same, of a layer for which there is no time left
constexpr std::size_t kSpillFree = 32;    // candidates compiled in search of one without spills

// The machine has no room for this layer's candidates: more of them would fare no better.
bool all_killed(const std::vector<Contender>& batch) {
  return !batch.empty() && std::ranges::all_of(batch, [](const Contender& contender) {
    return was_killed(contender.measurement.failure);
  });
}

bool is_exhaustive(const TuneOptions& options) { return options.strategy == "exhaustive"; }

}  // namespace

std::unique_ptr<Strategy> strategy_for(const Target& target, const History& history, const TuneOptions& options,
                                       Source source) {
  if (source == Source::predicted) return make_strategy("exhaustive", target, {}, options.seed);
  return make_strategy(options.strategy, target, history.first_candidates(target), options.seed);
}

std::size_t prepared_ahead(Source source, bool is_late) {
  if (source == Source::predicted) return is_late ? kLateCompile : kCompileBatch;
  return is_late ? kLateBatch : 2 * kBatch;
}

std::size_t LayerSearch::count_of(const TuneOptions& options) const {
  const std::size_t asked = options.trials ? static_cast<std::size_t>(*options.trials) : kDefaultTrials;
  return is_exhaustive(options) && !options.trials ? strategy_->size() : std::min(asked, strategy_->size());
}

bool LayerSearch::is_done_elsewhere(const TuneOptions& options) const {
  return history_.winner_of_another_run(trials_.target(), options.regime).has_value();
}

std::vector<Contender> LayerSearch::measure(const TuneOptions& options) {
  const std::size_t trials = count_of(options);
  const bool late = budget_.is_spent();
  std::size_t proposed = 0, refused = 0;
  const auto propose = [&] {
    const std::size_t left = std::min(trials + refused, kProposals * trials) - proposed;
    std::vector<KernelConfig> batch = strategy_->propose(std::min(late ? kLateBatch : kBatch, left));
    trials_.prepare(history_.recall(trials_.target()).unknown(batch));
    proposed += batch.size();
    return batch;
  };

  std::vector<Contender> tried;
  std::vector<KernelConfig> batch = propose();
  while (!batch.empty()) {
    calls_.report(tried, tried.size() - refused, trials, batch.front());
    std::vector<KernelConfig> next = late ? std::vector<KernelConfig>() : propose();
    if (next.empty()) calls_.prepare_next_layer();
    const Screened results = screen(batch);
    strategy_->observe(scores(results.contenders));
    tried.insert(tried.end(), results.contenders.begin(), results.contenders.end());
    refused += results.refused;
    calls_.report(tried, tried.size() - refused, trials, batch.back());
    budget_.end_batch();
    if (calls_.stopped() || is_done_elsewhere(options)) return tried;
    if (!budget_.has_time_for_another() || all_killed(results.contenders)) break;
    batch = next.empty() && !late ? propose() : std::move(next);  // in place of those that were refused
  }
  calls_.prepare_next_layer();
  return tried;
}

// Compiles the batch and measures what does not spill, except for what is on record: of this run's beginning, or of
// another run since.
LayerSearch::Screened LayerSearch::screen(const std::vector<KernelConfig>& batch) {
  const Recalled recalled = history_.recall(trials_.target());
  Screened result{recalled.known(batch), 0};
  std::vector<Contender> refused = trials_.compile(recalled.unknown(batch));
  std::vector<KernelConfig> sound;
  for (const Contender& contender : refused)
    if (is_sound(contender)) sound.push_back(contender.config);
  std::erase_if(refused, is_sound);
  trials_.commit_new(refused, history_);
  const std::vector<Contender> measured = trials_.measure(sound, Effort::screen);
  trials_.commit_new(measured, history_);
  result.contenders.insert(result.contenders.end(), measured.begin(), measured.end());
  result.contenders.insert(result.contenders.end(), refused.begin(), refused.end());
  result.refused =
      result.contenders.size() - static_cast<std::size_t>(std::ranges::count_if(result.contenders, is_sound));
  return result;
}

std::vector<Contender> LayerSearch::compile(const TuneOptions& options, std::vector<KernelConfig> again) {
  const std::size_t trials = count_of(options);
  const std::size_t batch_size = budget_.is_spent() ? kLateCompile : kCompileBatch;
  const bool is_count_asked_for = options.trials || is_exhaustive(options);
  std::vector<Contender> tried;
  while (true) {
    const bool is_found = std::ranges::any_of(tried, is_sound);
    const bool tries_more = !is_found && std::ranges::any_of(tried, spills);
    const std::size_t limit = tries_more ? std::max(trials, kSpillFree) : trials;
    const bool is_enough = is_found && again.empty() && !is_count_asked_for;
    if (is_enough || tried.size() >= limit) break;
    const std::vector<KernelConfig> batch = strategy_->propose(std::min(batch_size, limit - tried.size()));
    if (batch.empty()) break;
    calls_.report(tried, tried.size(), trials, batch.front());
    calls_.prepare_next_layer();
    const std::vector<Contender> results = compile_batch(batch);
    tried.insert(tried.end(), results.begin(), results.end());
    std::erase_if(again, [&](const KernelConfig& config) { return std::ranges::find(batch, config) != batch.end(); });
    calls_.report(tried, tried.size(), trials, batch.back());
    budget_.end_batch();
    if (!budget_.has_time_for_another() || calls_.stopped() || all_killed(results) || is_done_elsewhere(options)) break;
  }
  return tried;
}

// In its order, what is on record and what the compiler says of the others.
std::vector<Contender> LayerSearch::compile_batch(const std::vector<KernelConfig>& batch) {
  const Recalled recalled = history_.recall(trials_.target());
  std::vector<Contender> results = recalled.known(batch);
  const std::vector<Contender> fresh = trials_.compile(recalled.unknown(batch));
  trials_.commit_new(fresh, history_);
  results.insert(results.end(), fresh.begin(), fresh.end());
  std::ranges::sort(results, {},
                    [&](const Contender& contender) { return std::ranges::find(batch, contender.config); });
  return results;
}

}  // namespace ditune
