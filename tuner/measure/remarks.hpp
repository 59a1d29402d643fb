// SPDX-License-Identifier: Apache-2.0
// What users should know of measurements: why times can be longer than they need be.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "ditune/record.hpp"
#include "runtime/nvml.hpp"

namespace ditune {

// Collects sentences; says each once.
class Remarks {
 public:
  // The card's states during one measurement. Heat and the hardware's own slowdowns are worth a sentence where at least
  // a quarter of the states tell of them; in bursts, where the card rests, so is a clock that is lower by more than a
  // twentieth than in another measurement. At sustained clocks it is meant to be.
  void measured(std::span<const std::optional<GpuState>> states, Regime regime);

  // Who has a context on the GPU, `own` being ours. In a container the numbers can be of another namespace, in which
  // ours is unknown: then one of them is taken to be us.
  void processes(std::span<const unsigned> pids, unsigned own);

  // Those since the last call.
  std::vector<std::string> take();

 private:
  void say(const std::string& about, std::string sentence);

  std::set<std::string> said_;
  std::vector<std::string> pending_;
  double highest_mhz_ = 0;  // of all bursts
};

}  // namespace ditune
