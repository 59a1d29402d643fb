// SPDX-License-Identifier: Apache-2.0
// What the tuner reads from the store and writes to it, for one device.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "db/store.hpp"
#include "generator/search_space.hpp"
#include "tuner/measure/conclude.hpp"
#include "tuner/survivors.hpp"

namespace ditune {

class Ledger {
 public:
  // `provenance` is asked anew for every entry.
  Ledger(Store& store, std::function<Provenance()> provenance) : store_(store), provenance_(std::move(provenance)) {}

  // Winners of the target whose templates are today's, one of each family, the best first; measured ones alone under
  // `least` = measured.
  std::vector<TuningRecord> current_winners(const Target& target, Source least, Regime regime) const;
  std::optional<TuningRecord> current_winner(const Target& target, Source least, Regime regime) const;

  // By config text what came last of each config that was tried on this GPU (or, as predicted, compiled) under today's
  // templates and toolchain. One whose process was killed counts as not tried.
  std::map<std::string, Contender> tried(const Target& target, Source source, Regime regime) const;

  // Measured winners of older templates that are legal today and whose kernels are known, the last one first.
  std::vector<TuningRecord> stale_winners(const Target& target, Regime regime) const;

  // Takes a stale winner over as today's, with its times and its provenance, if `cubin`, which is what today's template
  // makes of its config, is the same machine code and takes the same resources. What tied with it is not taken over:
  // nobody has compiled that. Returns whether it was taken over.
  bool take_over(const TuningRecord& stale, const std::string& cubin, const ResourceUsage& resources);

  // Of each of the device's layers, wherever it was tried.
  SurvivorTable survivors(const DeviceInfo& device) const;

  // Whether it was made on this GPU under today's toolchain.
  bool is_todays(const Provenance& from) const;

  // Configs that won like problems on this device, stale or not, the likest first: legal here and at most `count`.
  std::vector<KernelConfig> relatives(const Target& target, std::size_t count) const;

  // All that `writes` reads and commits, with no other run's commit between.
  void atomically(const std::function<void()>& writes) {
    provenance_();  // may start a worker, which takes its time: not while other runs wait for the store
    store_.atomically(writes);
  }

  // Commits a trial each.
  void add(const Target& target, const std::vector<Contender>& contenders, Source source, Regime regime);

  // Commits the winner with its cubin (which may be empty); returns what the store then holds for its key.
  TuningRecord keep(const Target& target, const Decision& decision, Source source, Regime regime,
                    const std::string& cubin);

  // Whether the winner of its key has its config still.
  bool holds(const TuningRecord& winner) const;

  // Its trials stay.
  void drop(const TuningRecord& winner) { store_.remove_winner(winner.key); }

 private:
  Store& store_;
  std::function<Provenance()> provenance_;
};

}  // namespace ditune
