// SPDX-License-Identifier: Apache-2.0
// How kernels of one measurement are timed beside one another, for each effort, and what of it is kept.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "runtime/timing.hpp"
#include "tuner/measure/measure.hpp"

namespace ditune {

struct Timing {
  Samples samples_us = {};                           // [entry]
  std::vector<double> power_w = {};                  // [entry]; 0: unknown, and in bursts
  std::vector<std::optional<GpuState>> states = {};  // of the card meanwhile
};

// Races (race.hpp): a screen and a decision of bursts, or a decision of blocks at sustained clocks. Throws CudaError if
// a launch fails.
Timing time_entries(std::span<const TimedEntry> entries, Effort effort, const Nvml& nvml);

// The samples, at least one, with their median and its interval.
void fill_in(Measurement& measurement, std::vector<double> samples_us, double power_w);

}  // namespace ditune
