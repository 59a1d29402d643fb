// SPDX-License-Identifier: Apache-2.0
// What a launch should take, from the device's numbers alone.
#pragma once

#include "ditune/config.hpp"
#include "generator/search_space.hpp"

namespace ditune {

// Microseconds. total_us is not their sum: tensor cores, L2 and DRAM work side by side.
struct Prediction {
  double math_us = 0;   // tensor cores and shared memory, full waves
  double l2_us = 0;     // operands through L2
  double dram_us = 0;   // compulsory and capacity misses
  double fixed_us = 0;  // launch, pipeline fill, what follows the last wave, reductions
  double waves = 0;
  double total_us = 0;
};

Prediction predict(const KernelConfig& config, const Target& target);

}  // namespace ditune
