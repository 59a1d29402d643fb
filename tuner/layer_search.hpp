// SPDX-License-Identifier: Apache-2.0
// Which candidates of a layer are tried, batch after batch, and what comes of them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "tuner/history.hpp"
#include "tuner/recalled.hpp"
#include "tuner/search/search.hpp"
#include "tuner/time_budget.hpp"
#include "tuner/trials.hpp"

namespace ditune {

// In what order the candidates of a layer are tried: where nothing is measured there is nothing to learn from, and the
// model's order it is.
std::unique_ptr<Strategy> strategy_for(const Target& target, const History& history, const TuneOptions& options,
                                       Source source);

// How many of them may be prepared before the layer's turn: its first batches.
std::size_t prepared_ahead(Source source, bool is_late);

// What a search tells and asks of the run.
struct SearchCalls {
  // So many of `trials` candidates are done, and `trying` is next.
  std::function<void(const std::vector<Contender>& tried, std::size_t done, std::size_t trials,
                     const KernelConfig& trying)>
      report;
  // The layer's last batch is at work.
  std::function<void()> prepare_next_layer;
  std::function<bool()> stopped;
};

class LayerSearch {
 public:
  LayerSearch(Trials& trials, std::unique_ptr<Strategy> strategy, const History& history, TimeBudget& budget,
              const SearchCalls& calls)
      : trials_(trials), strategy_(std::move(strategy)), history_(history), budget_(budget), calls_(calls) {}

  // All that was tried, with what came of it. One batch is compiled while the one before it is measured. Ends, too,
  // when another run has found the layer's winner.
  std::vector<Contender> measure(const TuneOptions& options);

  // In the model's order, batch after batch: as many as was asked for, or else until one compiles without spills and
  // each of `again` was tried; or until the trials or the time are used up. Where some spill, more are tried than was
  // asked for: a compilation is cheaper than what a spilling winner costs.
  std::vector<Contender> compile(const TuneOptions& options, std::vector<KernelConfig> again);

 private:
  struct Screened {
    std::vector<Contender> contenders;
    std::size_t refused = 0;  // of them: failed, and others are tried in their place
  };

  std::size_t count_of(const TuneOptions& options) const;
  bool is_done_elsewhere(const TuneOptions& options) const;
  Screened screen(const std::vector<KernelConfig>& batch);
  std::vector<Contender> compile_batch(const std::vector<KernelConfig>& batch);

  Trials& trials_;
  std::unique_ptr<Strategy> strategy_;
  const History& history_;
  TimeBudget& budget_;
  const SearchCalls& calls_;
};

}  // namespace ditune
