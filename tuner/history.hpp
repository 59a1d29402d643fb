// SPDX-License-Identifier: Apache-2.0
// What the store has of a layer, as far as a run's options let it count.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ditune/record.hpp"
#include "generator/search_space.hpp"
#include "tuner/ledger.hpp"
#include "tuner/recalled.hpp"
#include "tuner/survivors.hpp"
#include "tuner/tune.hpp"

namespace ditune {

class History {
 public:
  // Of a run on `device` whose trials are of this source.
  History(const Ledger& ledger, const TuneOptions& options, Source source, const DeviceInfo& device);

  // The winner with which a layer is done. A predicted one is enough only where nothing can be measured; one of those
  // that were left when others were killed, only until they can be tried again.
  std::optional<TuningRecord> known_winner(const Target& target, Regime regime) const;

  // The same of a layer that had none when its turn came. A run that tries again what others tried has its own.
  std::optional<TuningRecord> winner_of_another_run(const Target& target, Regime regime) const;

  // Candidates of a layer whose last trial in an earlier run, in bursts or in this regime, was killed from outside.
  std::vector<KernelConfig> killed(const Target& target, Regime regime) const;

  // Configs that failed before.
  std::vector<KernelConfig> failures(const Target& target, Regime regime) const;

  // What need not be found out again.
  Recalled recall(const Target& target) const;

  // Candidates that a search tries first: what was killed, what is to be tried again, and winners of like problems.
  std::vector<KernelConfig> first_candidates(const Target& target) const;

 private:
  const Ledger& ledger_;
  const TuneOptions& options_;
  Source source_;
  SurvivorTable survivors_;  // of earlier runs
};

}  // namespace ditune
