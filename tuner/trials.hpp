// SPDX-License-Identifier: Apache-2.0
// Candidates of one layer: compiled, measured, and committed as soon as that is known.
#pragma once

#include <string>
#include <vector>

#include "ditune/record.hpp"
#include "generator/search_space.hpp"
#include "tuner/history.hpp"
#include "tuner/ledger.hpp"
#include "tuner/measure/conclude.hpp"
#include "tuner/tune.hpp"

namespace ditune {

// Registers that spill to memory in the main loop cost more than any tile gains: such a kernel is measured, or wins,
// only where there is no other.
inline bool spills(const Contender& contender) { return contender.measurement.resources.spill_bytes > 0; }

inline bool is_sound(const Contender& contender) { return contender.measurement.ok(); }

inline Source source_of(const TuneBackend& backend) { return backend.measure ? Source::measured : Source::predicted; }

class Trials {
 public:
  Trials(const Target& target, const TuneBackend& backend, Ledger& ledger)
      : target_(target), backend_(backend), ledger_(ledger) {}

  const Target& target() const { return target_; }

  // What the compiler says of each; what spills has failed. Commits nothing.
  std::vector<Contender> compile(const std::vector<KernelConfig>& batch) const;

  // Commits nothing.
  std::vector<Contender> measure(const std::vector<KernelConfig>& batch, Effort effort) const;

  void commit(const std::vector<Contender>& contenders, Regime regime);

  // Of candidates that were not on record before they were tried in bursts. What another run committed of the same ones
  // meanwhile is not stored a second time.
  void commit_new(std::vector<Contender> contenders, const History& history);

  // Commits the winner with its kernel.
  TuningRecord keep(const Decision& decision, Regime regime);

  // Winners of other families than that of `decision`, which stand beside its own: of those that are among `seen` the
  // times are those of today, too, and what is wrong today goes.
  void keep_up(const std::vector<TuningRecord>& winners, const Decision& decision, const std::vector<Contender>& seen,
               Regime regime);

  // These will be compiled next.
  void prepare(const std::vector<KernelConfig>& configs) const;

 private:
  std::string cubin(const KernelConfig& config) const;
  std::vector<Contender> contenders_of(const std::vector<KernelConfig>& batch,
                                       const std::vector<Measurement>& results) const;

  const Target& target_;
  const TuneBackend& backend_;
  Ledger& ledger_;
};

}  // namespace ditune
