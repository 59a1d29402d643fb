// SPDX-License-Identifier: Apache-2.0
// How many of a layer's candidates were left to choose from.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "ditune/record.hpp"

namespace ditune {

// Of a layer in a regime, by the last trial of each candidate. Candidates that spill registers are ruled out, they have
// not failed: they do not count.
struct Survivors {
  std::size_t tried = 0, survived = 0;
  std::vector<KernelConfig> killed;  // from outside (killed.hpp)
  // Less than half: the winner says little of what the device can do.
  bool are_few() const { return 2 * survived < tried; }
};

// What the trials of all families for one layer on one device in one regime have in common: the key without its
// template hash.
std::string name_of_layer(TuningKey key);

class SurvivorTable {
 public:
  // In the order of trying. Trials of older templates do not count.
  explicit SurvivorTable(std::span<const Trial> trials);
  // Of the families together: the key's template hash does not matter. None where nothing was tried.
  Survivors of(const TuningKey& key, Source source) const;

 private:
  std::map<std::string, Survivors> by_layer_;
};

}  // namespace ditune
