// SPDX-License-Identifier: Apache-2.0
// Who wins a layer, of those that were tried.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "tuner/history.hpp"
#include "tuner/ledger.hpp"
#include "tuner/trials.hpp"

namespace ditune {

class Finals {
 public:
  // `begin` is told of the first finalist before they are measured.
  Finals(Trials& trials, const Ledger& ledger, const History& history, const TuneOptions& options,
         std::function<void(const KernelConfig&)> begin)
      : trials_(trials), ledger_(ledger), history_(history), options_(options), begin_(std::move(begin)) {}

  // The best few against one another, and longer, so that luck in a short look decides nothing; the winners on record,
  // one of each family, of this regime or else of bursts the best, are among them, and the best of them stays unless
  // another is measurably better. What comes of them in bursts takes the place of what `tried` said. Commits the
  // winner.
  std::optional<TuningRecord> decide(std::vector<Contender>& tried, Regime regime);

 private:
  std::vector<KernelConfig> finalists(const std::vector<Contender>& tried, Regime regime,
                                      const std::vector<KernelConfig>& defended) const;

  Trials& trials_;
  const Ledger& ledger_;
  const History& history_;
  const TuneOptions& options_;
  std::function<void(const KernelConfig&)> begin_;
};

}  // namespace ditune
