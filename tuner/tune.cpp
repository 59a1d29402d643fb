// SPDX-License-Identifier: Apache-2.0
#include "tuner/tune.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "ditune/error.hpp"
#include "generator/cost_model.hpp"
#include "tuner/ledger.hpp"
#include "tuner/measure/conclude.hpp"
#include "tuner/recalled.hpp"
#include "tuner/time_budget.hpp"
#include "tuner/worker/killed.hpp"

namespace ditune {
namespace {

constexpr std::size_t kBatch = 8;         // configs measured together, while the next ones compile
constexpr std::size_t kLateBatch = 4;     // the one batch of a layer for which there is no time left
constexpr std::size_t kProposals = 4;     // times the trials: candidates looked at, those that are not measured too
constexpr std::size_t kCompileBatch = 8;  // configs compiled together where nothing is measured
constexpr std::size_t kLateCompile = 2;   // the same, of a layer for which there is no time left
constexpr std::size_t kSpillFree = 32;    // candidates compiled in search of one without spills
constexpr std::size_t kFinalists = 8;     // measured again, longer, before one of them wins
constexpr std::size_t kSustained = 4;     // the same, at sustained clocks
constexpr std::size_t kSeeds = 4;         // winners of like problems that are tried first

// Registers that spill to memory in the main loop cost more than any tile gains: such a kernel is measured, or wins,
// only where there is no other.
bool spills(const Contender& contender) { return contender.measurement.resources.spill_bytes > 0; }

bool is_sound(const Contender& contender) { return contender.measurement.ok(); }

// The machine has no room for this layer's candidates: more of them would fare no better.
bool all_killed(const std::vector<Contender>& batch) {
  return !batch.empty() && std::ranges::all_of(batch, [](const Contender& contender) {
    return was_killed(contender.measurement.failure);
  });
}

std::vector<KernelConfig> spilling(const std::vector<Contender>& tried, std::size_t count) {
  std::vector<KernelConfig> configs;
  for (const Contender& contender : tried)
    if (spills(contender) && configs.size() < count) configs.push_back(contender.config);
  return configs;
}

class Run {
 public:
  Run(const std::vector<Operation>& operations, const DeviceInfo& device, const TuneOptions& options,
      const TuneBackend& backend, Store& store)
      : options_(options),
        backend_(backend),
        ledger_(store, [this] { return provenance(); }),
        survivors_(ledger_.survivors(device)),
        budget_(backend.now, options.budget, operations.size()) {
    for (const Operation& operation : operations) targets_.push_back({operation, device});
  }

  std::vector<TuningRecord> winners() {
    std::vector<TuningRecord> result;
    for (layer_ = 0; layer_ < targets_.size() && !stopped(); ++layer_) {
      budget_.begin_layer(layer_);
      std::optional<TuningRecord> winner = known_winner(target(), options_.regime);
      if (!winner && is_too_late()) continue;
      if (!winner) winner = new_winner();
      if (!winner && stopped()) break;
      report_done(winner);
      if (winner) result.push_back(*std::move(winner));
    }
    return result;
  }

 private:
  const Target& target() const { return targets_[layer_]; }
  bool stopped() const { return options_.stop && options_.stop(); }
  bool is_too_late() const { return options_.strict_budget && budget_.is_spent(); }

  // Of a layer whose winner is not up to date.
  std::optional<TuningRecord> new_winner() {
    if (take_over())
      if (std::optional<TuningRecord> winner = known_winner(target(), options_.regime)) return winner;
    recalled_ = recall(target());
    return backend_.measure ? measured_winner() : predicted_winner();
  }

  std::size_t trials(const Strategy& strategy) const {
    const bool all = options_.strategy == "exhaustive";
    const std::size_t asked = options_.trials ? static_cast<std::size_t>(*options_.trials) : kDefaultTrials;
    return all && !options_.trials ? strategy.size() : std::min(asked, strategy.size());
  }

  Source source() const { return backend_.measure ? Source::measured : Source::predicted; }

  // A predicted winner is enough only where nothing can be measured; a winner of those that were left when others were
  // killed, only until they can be tried again.
  std::optional<TuningRecord> known_winner(const Target& target, Regime regime) const {
    if (options_.retune || (options_.retry_failed && !failures(target, regime).empty())) return std::nullopt;
    std::optional<TuningRecord> winner = ledger_.current_winner(target, source(), regime);
    if (winner && winner->source == source() && !killed(target, regime).empty()) return std::nullopt;
    return winner;
  }

  // A stale winner is as good as it was if today's template makes the same machine code. One compilation tells; a
  // search would take a hundred, and the GPU. Returns whether there was one.
  bool take_over() {
    if (options_.retune || !backend_.cubin) return false;
    bool is_taken = false;
    for (const Regime regime : std::set{Regime::burst, options_.regime}) {
      if (ledger_.current_winner(target(), Source::measured, regime)) continue;
      for (const TuningRecord& stale : ledger_.stale_winners(target(), regime)) {
        const Contender today = compile({stale.config}).front();
        if (!is_sound(today)) continue;
        const std::string cubin = backend_.cubin(target(), stale.config);
        if (!ledger_.take_over(stale, cubin, today.measurement.resources)) continue;
        is_taken = true;
        break;
      }
    }
    return is_taken;
  }

  // Candidates of a layer whose last trial in an earlier run, in bursts or in this regime, was killed from outside.
  std::vector<KernelConfig> killed(const Target& target, Regime regime) const {
    std::vector<KernelConfig> configs;
    for (const Regime its : std::set{Regime::burst, regime})
      for (const KernelConfig& config : survivors_.of(key_of(target, its), source()).killed) configs.push_back(config);
    if (configs.empty()) return configs;
    const std::vector<KernelConfig> candidates = enumerate(target);
    std::erase_if(
        configs, [&](const KernelConfig& config) { return std::ranges::find(candidates, config) == candidates.end(); });
    return configs;
  }

  static TuningKey key_of(const Target& target, Regime regime) {
    return {device_class(target.device), target.operation, {}, regime};
  }

  // Configs that failed before.
  std::vector<KernelConfig> failures(const Target& target, Regime regime) const {
    std::vector<KernelConfig> failed;
    for (const auto& [text, contender] : ledger_.tried(target, source(), regime))
      if (!is_sound(contender)) failed.push_back(contender.config);
    return failed;
  }

  Recalled recall(const Target& target) const {
    std::map<std::string, Contender> known = ledger_.tried(target, source(), Regime::burst);
    std::erase_if(known, [&](const auto& entry) {
      return entry.second.measurement.ok() ? options_.retune : options_.retry_failed;
    });
    return Recalled(std::move(known));
  }

  // Where nothing is measured there is nothing to learn from: the model's order it is.
  std::unique_ptr<Strategy> strategy(const Target& target) const {
    if (!backend_.measure) return make_strategy("exhaustive", target, {}, options_.seed);
    std::vector<KernelConfig> first = ledger_.relatives(target, kSeeds);
    if (options_.retry_failed) {
      const std::vector<KernelConfig> failed = failures(target, Regime::burst);
      first.insert(first.begin(), failed.begin(), failed.end());
    }
    const std::vector<KernelConfig> again = killed(target, Regime::burst);
    first.insert(first.begin(), again.begin(), again.end());
    return make_strategy(options_.strategy, target, first, options_.seed);
  }

  // In bursts, and at sustained clocks if that is asked for; the last of them. A search that was ended goes on where it
  // was, for what it measured is on record; one that was not is not made again for another regime.
  std::optional<TuningRecord> measured_winner() {
    std::optional<TuningRecord> winner = known_winner(target(), Regime::burst);
    const bool is_searched = winner && ledger_.is_todays(winner->provenance) && !recalled_.empty();
    std::vector<Contender> tried = is_searched ? recalled_.all() : search();
    if (stopped()) return std::nullopt;  // a winner of half a search would not be tuned again
    if (!winner) winner = decide(tried, Regime::burst);
    if (!winner || options_.regime == Regime::burst) return winner;
    return stopped() ? std::nullopt : decide(tried, Regime::sustained);
  }

  // All that was tried, with what came of it. One batch is compiled while the one before it is measured.
  std::vector<Contender> search() {
    const std::unique_ptr<Strategy> strategy = this->strategy(target());
    const std::size_t trials = this->trials(*strategy);
    const bool late = budget_.is_spent();
    std::size_t proposed = 0, refused = 0;
    const auto propose = [&] {
      const std::size_t left = std::min(trials + refused, kProposals * trials) - proposed;
      std::vector<KernelConfig> batch = strategy->propose(std::min(late ? kLateBatch : kBatch, left));
      prepare(target(), recalled_.unknown(batch));
      proposed += batch.size();
      return batch;
    };

    std::vector<Contender> tried;
    std::vector<KernelConfig> batch = propose();
    while (!batch.empty()) {
      report(tried, tried.size() - refused, trials, batch.front());
      std::vector<KernelConfig> next = late ? std::vector<KernelConfig>() : propose();
      if (next.empty()) prepare_next_layer();
      const Screened results = screen(batch);
      strategy->observe(scores(results.contenders));
      tried.insert(tried.end(), results.contenders.begin(), results.contenders.end());
      refused += results.refused;
      report(tried, tried.size() - refused, trials, batch.back());
      budget_.end_batch();
      if (stopped()) return tried;
      if (!budget_.has_time_for_another() || all_killed(results.contenders)) break;
      batch = next.empty() && !late ? propose() : std::move(next);  // in place of those that were refused
    }
    prepare_next_layer();
    return tried;
  }

  // The best few against one another, and longer, so that luck in a short look decides nothing; the winner on record,
  // of this regime or else of bursts, is one of them, and stays unless another is measurably better. What comes of them
  // in bursts takes the place of what `tried` said.
  std::optional<TuningRecord> decide(std::vector<Contender>& tried, Regime regime) {
    std::optional<TuningRecord> incumbent = ledger_.current_winner(target(), Source::measured, regime);
    const bool is_defended = incumbent.has_value();
    if (!incumbent) incumbent = ledger_.current_winner(target(), Source::measured, Regime::burst);
    const std::vector<KernelConfig> finalists = this->finalists(tried, regime, incumbent);
    if (finalists.empty()) return std::nullopt;
    report(tried, tried.size(), tried.size(), finalists.front());
    const std::vector<Contender> measured =
        measure(finalists, regime == Regime::burst ? Effort::decide : Effort::sustain);
    const std::optional<Decision> decision =
        conclude(measured, incumbent ? std::optional(incumbent->config) : std::nullopt);
    if (regime == Regime::burst)
      for (const Contender& contender : measured)
        std::ranges::replace_if(
            tried, [&](const Contender& old) { return old.config == contender.config; }, contender);
    if (!decision) return std::nullopt;
    // A family's winner stands beside another family's: the time of the one that lost is that of today, too.
    if (is_defended)
      for (const Contender& contender : measured)
        if (contender.config == incumbent->config && contender.config != decision->winner.config && is_sound(contender))
          keep({contender, {}}, regime);
    return keep(*decision, regime);
  }

  // Those that failed in this regime before are not among them.
  std::vector<KernelConfig> finalists(const std::vector<Contender>& tried, Regime regime,
                                      const std::optional<TuningRecord>& incumbent) const {
    const std::size_t count = regime == Regime::burst ? kFinalists : kSustained;
    const std::vector<KernelConfig> failed = failures(target(), regime);
    const auto has_failed = [&](const KernelConfig& config) {
      return (!options_.retry_failed && std::ranges::find(failed, config) != failed.end()) ||
             std::ranges::any_of(
                 tried, [&](const Contender& contender) { return contender.config == config && !is_sound(contender); });
    };
    std::vector<KernelConfig> configs;
    for (const Contender& contender : fastest(tried, tried.size()))
      if (configs.size() < count && !has_failed(contender.config)) configs.push_back(contender.config);
    if (configs.empty()) return spilling(tried, count);
    if (incumbent && !has_failed(incumbent->config) && std::ranges::find(configs, incumbent->config) == configs.end()) {
      if (configs.size() == count) configs.pop_back();
      configs.push_back(incumbent->config);
    }
    if (options_.retry_failed && regime == Regime::sustained)  // in bursts the search tried them again
      for (const KernelConfig& config : failed)
        if (!has_failed(config) && std::ranges::find(configs, config) == configs.end()) configs.push_back(config);
    return configs;
  }

  // The first in the model's order that compiles without spills; if all of them spill, the first that compiles.
  std::optional<TuningRecord> predicted_winner() {
    std::vector<Contender> tried = compile_in_order();
    auto winner = std::ranges::find_if(tried, is_sound);
    if (winner == tried.end() && !stopped()) winner = std::ranges::find_if(tried, spills);
    if (winner == tried.end()) return std::nullopt;
    if (!is_sound(*winner)) {  // what wins has not failed
      winner->measurement.failure.clear();
      commit({*winner}, Regime::burst);
    }
    return keep({*winner, {}}, Regime::burst);
  }

  // In the model's order, batch after batch: as many as was asked for, or else until one compiles without spills and
  // what was killed in an earlier run was tried again; or until the trials or the time are used up. Where some spill,
  // more are tried than was asked for: a compilation is cheaper than what a spilling winner costs.
  std::vector<Contender> compile_in_order() {
    const std::unique_ptr<Strategy> strategy = this->strategy(target());
    const std::size_t trials = this->trials(*strategy);
    const std::size_t batch_size = budget_.is_spent() ? kLateCompile : kCompileBatch;
    std::vector<KernelConfig> again = killed(target(), Regime::burst);
    std::vector<Contender> tried;
    while (true) {
      const bool is_found = std::ranges::any_of(tried, is_sound);
      const bool tries_more = !is_found && std::ranges::any_of(tried, spills);
      const std::size_t limit = tries_more ? std::max(trials, kSpillFree) : trials;
      const bool is_enough = is_found && again.empty() && !is_count_asked_for();
      if (is_enough || tried.size() >= limit) break;
      const std::vector<KernelConfig> batch = strategy->propose(std::min(batch_size, limit - tried.size()));
      if (batch.empty()) break;
      const std::vector<Contender> results = compile_batch(batch, tried, trials);
      tried.insert(tried.end(), results.begin(), results.end());
      std::erase_if(again, [&](const KernelConfig& config) { return std::ranges::find(batch, config) != batch.end(); });
      report(tried, tried.size(), trials, batch.back());
      budget_.end_batch();
      if (!budget_.has_time_for_another() || stopped() || all_killed(results)) break;
    }
    return tried;
  }

  bool is_count_asked_for() const { return options_.trials || options_.strategy == "exhaustive"; }

  // In its order, what is on record and what the compiler says of the others.
  std::vector<Contender> compile_batch(const std::vector<KernelConfig>& batch, const std::vector<Contender>& tried,
                                       std::size_t trials) {
    report(tried, tried.size(), trials, batch.front());
    prepare_next_layer();
    std::vector<Contender> results = recalled_.known(batch);
    const std::vector<Contender> fresh = compile(recalled_.unknown(batch));
    commit(fresh, Regime::burst);
    results.insert(results.end(), fresh.begin(), fresh.end());
    std::ranges::sort(results, {},
                      [&](const Contender& contender) { return std::ranges::find(batch, contender.config); });
    return results;
  }

  // What the compiler says of each; what spills has failed.
  std::vector<Contender> compile(const std::vector<KernelConfig>& batch) const {
    if (batch.empty()) return {};
    std::vector<Contender> contenders = contenders_of(batch, backend_.compile(target(), batch));
    for (Contender& contender : contenders) {
      const int bytes = contender.measurement.resources.spill_bytes;
      if (spills(contender)) contender.measurement.failure = "spills " + std::to_string(bytes) + " bytes of registers";
    }
    return contenders;
  }

  struct Screened {
    std::vector<Contender> contenders;
    std::size_t refused = 0;  // of them: failed, and others are tried in their place
  };

  // Compiles the batch and measures what does not spill, except for what is on record.
  Screened screen(const std::vector<KernelConfig>& batch) {
    Screened result{recalled_.known(batch), 0};
    std::vector<Contender> refused = compile(recalled_.unknown(batch));
    std::vector<KernelConfig> sound;
    for (const Contender& contender : refused)
      if (is_sound(contender)) sound.push_back(contender.config);
    std::erase_if(refused, is_sound);
    commit(refused, Regime::burst);
    const std::vector<Contender> measured = measure(sound, Effort::screen);
    result.contenders.insert(result.contenders.end(), measured.begin(), measured.end());
    result.contenders.insert(result.contenders.end(), refused.begin(), refused.end());
    result.refused =
        result.contenders.size() - static_cast<std::size_t>(std::ranges::count_if(result.contenders, is_sound));
    return result;
  }

  std::vector<Contender> measure(const std::vector<KernelConfig>& batch, Effort effort) {
    if (batch.empty()) return {};
    std::vector<Contender> contenders = contenders_of(batch, backend_.measure(target(), batch, effort));
    commit(contenders, effort == Effort::sustain ? Regime::sustained : Regime::burst);
    return contenders;
  }

  std::vector<Contender> contenders_of(const std::vector<KernelConfig>& batch,
                                       const std::vector<Measurement>& results) const {
    std::vector<Contender> contenders;
    contenders.reserve(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i)
      contenders.push_back({batch[i], results.at(i), predict(batch[i], target()).total_us});
    return contenders;
  }

  void commit(const std::vector<Contender>& contenders, Regime regime) {
    ledger_.add(target(), contenders, source(), regime);
  }

  TuningRecord keep(const Decision& decision, Regime regime) {
    const std::string cubin = backend_.cubin ? backend_.cubin(target(), decision.winner.config) : std::string();
    return ledger_.keep(target(), decision, source(), regime, cubin);
  }

  Provenance provenance() const {
    Provenance from = backend_.provenance ? backend_.provenance() : Provenance{};
    from.seed = options_.seed;
    return from;
  }

  void prepare(const Target& target, const std::vector<KernelConfig>& configs) const {
    if (backend_.prepare && !configs.empty()) backend_.prepare(target, configs);
  }

  // So that no core idles while this layer's last batch or its final is at work. Only the first call of a layer counts.
  void prepare_next_layer() {
    const std::size_t next = layer_ + 1;
    if (!backend_.prepare || next == targets_.size() || next == prepared_layer_ || is_too_late()) return;
    prepared_layer_ = next;
    const bool late = budget_.is_spent();  // then it will be given one short batch
    const std::size_t count =
        backend_.measure ? (late ? kLateBatch : 2 * kBatch) : (late ? kLateCompile : kCompileBatch);
    if (!known_winner(targets_[next], options_.regime))
      prepare(targets_[next], recall(targets_[next]).unknown(strategy(targets_[next])->propose(count)));
  }

  // `done` of so many trials; of what is refused before it is measured there may be more.
  void report(const std::vector<Contender>& tried, std::size_t done, std::size_t trials,
              const KernelConfig& trying) const {
    if (!options_.progress) return;
    done = std::min(done, trials);
    const double in_layer = static_cast<double>(done) / static_cast<double>(trials);
    const std::vector<Contender> best = fastest(tried, 1);
    TuneProgress progress = progress_at(in_layer);
    progress.tried = static_cast<int>(done);
    progress.trials = static_cast<int>(trials);
    progress.trying = format(trying);
    progress.best_us = best.empty() ? 0 : best.front().measurement.median_us;
    options_.progress(progress);
  }

  void report_done(const std::optional<TuningRecord>& winner) const {
    if (!options_.progress) return;
    TuneProgress progress = progress_at(1);
    progress.done = true;
    progress.winner = winner ? format(winner->config) : std::string();
    progress.best_us = winner ? winner->median_us : 0;
    options_.progress(progress);
  }

  // With the fraction `in_layer` of the layer behind.
  TuneProgress progress_at(double in_layer) const {
    TuneProgress progress;
    progress.layer = layer_;
    progress.layers = targets_.size();
    progress.target = target();
    progress.seconds_left =
        budget_.seconds_left((static_cast<double>(layer_) + in_layer) / static_cast<double>(targets_.size()));
    return progress;
  }

  const TuneOptions& options_;
  const TuneBackend& backend_;
  Ledger ledger_;
  const SurvivorTable survivors_;  // of earlier runs
  TimeBudget budget_;
  std::vector<Target> targets_;
  Recalled recalled_;  // of the layer at work
  std::size_t layer_ = 0, prepared_layer_ = 0;
};

}  // namespace

std::vector<TuningRecord> tune(const std::vector<Operation>& operations, const DeviceInfo& device,
                               const TuneOptions& options, const TuneBackend& backend, Store& store) {
  if (options.trials && *options.trials < 1)
    throw UsageError("trials is " + std::to_string(*options.trials), "give at least 1");
  require_strategy(options.strategy);
  if (options.regime == Regime::sustained && !backend.measure)
    throw UsageError("sustained clocks are measured, and there is no GPU to measure on",
                     "leave --regime sustained out");
  const std::vector<Operation> distinct = without_repetitions(operations);
  for (const Operation& operation : distinct) validate(operation);
  return Run(distinct, device, options, backend, store).winners();
}

}  // namespace ditune
