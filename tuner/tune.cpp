// SPDX-License-Identifier: Apache-2.0
#include "tuner/tune.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "ditune/error.hpp"
#include "tuner/finals.hpp"
#include "tuner/history.hpp"
#include "tuner/layer_search.hpp"
#include "tuner/ledger.hpp"
#include "tuner/recalled.hpp"
#include "tuner/time_budget.hpp"
#include "tuner/trials.hpp"

namespace ditune {
namespace {

// The layers in their order, each as far as it takes to know its winner.
class Run {
 public:
  Run(const std::vector<Operation>& operations, const DeviceInfo& device, const TuneOptions& options,
      const TuneBackend& backend, Store& store)
      : options_(options),
        backend_(backend),
        ledger_(store, [this] { return provenance(); }),
        history_(ledger_, options, source(), device),
        budget_(backend.now, options.budget, operations.size()) {
    for (const Operation& operation : operations) targets_.push_back({operation, device});
  }

  std::vector<TuningRecord> winners() {
    std::vector<TuningRecord> result;
    for (layer_ = 0; layer_ < targets_.size() && !stopped(); ++layer_) {
      budget_.begin_layer(layer_);
      std::optional<TuningRecord> winner = history_.known_winner(target(), options_.regime);
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
  Source source() const { return source_of(backend_); }
  bool stopped() const { return options_.stop && options_.stop(); }
  bool is_too_late() const { return options_.strict_budget && budget_.is_spent(); }

  // Of a layer whose winner is not up to date.
  std::optional<TuningRecord> new_winner() {
    Trials trials(target(), backend_, ledger_);
    if (take_over(trials))
      if (std::optional<TuningRecord> winner = history_.known_winner(target(), options_.regime)) return winner;
    return backend_.measure ? measured_winner(trials) : predicted_winner(trials);
  }

  // A stale winner is as good as it was if today's template makes the same machine code. One compilation tells; a
  // search would take a hundred, and the GPU. Returns whether there was one.
  bool take_over(const Trials& trials) {
    if (options_.retune || !backend_.cubin) return false;
    bool is_taken = false;
    for (const Regime regime : std::set{Regime::burst, options_.regime}) {
      if (ledger_.current_winner(target(), Source::measured, regime)) continue;
      for (const TuningRecord& stale : ledger_.stale_winners(target(), regime)) {
        const Contender today = trials.compile({stale.config}).front();
        if (!is_sound(today)) continue;
        const std::string cubin = backend_.cubin(target(), stale.config);
        if (!ledger_.take_over(stale, cubin, today.measurement.resources)) continue;
        is_taken = true;
        break;
      }
    }
    return is_taken;
  }

  // In bursts, and at sustained clocks if that is asked for; the last of them. A search that was ended goes on where it
  // was, for what it measured is on record; one that was not is not made again for another regime.
  std::optional<TuningRecord> measured_winner(Trials& trials) {
    const Recalled recalled = history_.recall(target());
    std::optional<TuningRecord> winner = history_.known_winner(target(), Regime::burst);
    const bool is_searched = winner && ledger_.is_todays(winner->provenance) && !recalled.empty();
    std::vector<Contender> tried = is_searched ? recalled.all() : search(trials).measure(options_);
    if (stopped()) return std::nullopt;  // a winner of half a search would not be tuned again
    if (std::optional<TuningRecord> others = history_.winner_of_another_run(target(), options_.regime)) return others;
    const auto begin = [&](const KernelConfig& first) { report(tried, tried.size(), tried.size(), first); };
    Finals finals(trials, ledger_, history_, options_, begin);
    if (!winner) winner = finals.decide(tried, Regime::burst);
    if (!winner || options_.regime == Regime::burst) return winner;
    return stopped() ? std::nullopt : finals.decide(tried, Regime::sustained);
  }

  // The first in the model's order that compiles without spills; if all of them spill, the first that compiles.
  std::optional<TuningRecord> predicted_winner(Trials& trials) {
    std::vector<Contender> tried = search(trials).compile(options_, history_.killed(target(), Regime::burst));
    if (std::optional<TuningRecord> others = history_.winner_of_another_run(target(), Regime::burst)) return others;
    auto winner = std::ranges::find_if(tried, is_sound);
    if (winner == tried.end() && !stopped()) winner = std::ranges::find_if(tried, spills);
    if (winner == tried.end()) return std::nullopt;
    if (!is_sound(*winner)) {  // what wins has not failed
      winner->measurement.failure.clear();
      trials.commit({*winner}, Regime::burst);
    }
    return trials.keep({*winner, {}}, Regime::burst);
  }

  LayerSearch search(Trials& trials) {
    return {trials, strategy_for(target(), history_, options_, source()), history_, budget_, calls_};
  }

  Provenance provenance() const {
    Provenance from = backend_.provenance ? backend_.provenance() : Provenance{};
    from.seed = options_.seed;
    return from;
  }

  // So that no core idles while this layer's last batch or its final is at work. Only the first call of a layer counts.
  void prepare_next_layer() {
    const std::size_t next = layer_ + 1;
    if (!backend_.prepare || next == targets_.size() || next == prepared_layer_ || is_too_late()) return;
    prepared_layer_ = next;
    const Target& target = targets_[next];
    if (history_.known_winner(target, options_.regime)) return;
    const std::size_t count = prepared_ahead(source(), budget_.is_spent());  // once that is spent, one short batch
    Trials(target, backend_, ledger_)
        .prepare(history_.recall(target).unknown(strategy_for(target, history_, options_, source())->propose(count)));
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
  const History history_;
  TimeBudget budget_;
  std::vector<Target> targets_;
  std::size_t layer_ = 0, prepared_layer_ = 0;
  const SearchCalls calls_{
      .report = [this](const std::vector<Contender>& tried, std::size_t done, std::size_t trials,
                       const KernelConfig& trying) { report(tried, done, trials, trying); },
      .prepare_next_layer = [this] { prepare_next_layer(); },
      .stopped = [this] { return stopped(); },
  };
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
