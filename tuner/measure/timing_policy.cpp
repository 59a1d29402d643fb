// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/timing_policy.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "tuner/measure/race.hpp"

namespace ditune {
namespace {

constexpr TimingOptions kScreening{.rounds = kScreenRounds, .round_us = 2000};

constexpr std::array kLooks = {12, 16, 24, 32, 48, 64};
constexpr TimingOptions kDeciding{.rounds = kLooks.back(), .round_us = 4000};

// Blocks short enough that all are over before a tuning run gets long, and the card's power control can follow.
constexpr std::array kSustainedLooks = {8, 12};
constexpr SustainedOptions kSustaining{
    .blocks = kSustainedLooks.back(), .warm_up_s = 4, .settle_s = 0.1, .measured_s = 0.3};

Stay until_decided(std::span<const int> looks) {
  return [looks](const Samples& samples_us) { return stay_in_decision(samples_us, looks); };
}

Timing time_bursts(std::span<const TimedEntry> entries, const TimingOptions& options, const Nvml& nvml,
                   const Stay& stay) {
  TimingResult result = time_interleaved(entries, options, &nvml, stay);
  return {std::move(result.samples_us), std::vector<double>(entries.size()), std::move(result.states)};
}

double mean_power_w(std::span<const SustainedBlock> blocks) {
  double sum = 0;
  int told = 0;
  for (const SustainedBlock& block : blocks) {
    sum += block.power_w;
    told += block.power_w > 0;
  }
  return told == 0 ? 0 : sum / told;
}

Timing time_blocks(std::span<const TimedEntry> entries, const Nvml& nvml) {
  Timing timing;
  for (const auto& blocks : time_sustained(entries, kSustaining, &nvml, until_decided(kSustainedLooks))) {
    timing.power_w.push_back(mean_power_w(blocks));
    std::vector<double>& samples_us = timing.samples_us.emplace_back();
    for (const SustainedBlock& block : blocks) {
      samples_us.push_back(block.launch_us);
      timing.states.push_back(GpuState{block.sm_clock_mhz, block.power_w, block.temperature_c, block.limits});
    }
  }
  return timing;
}

}  // namespace

Timing time_entries(std::span<const TimedEntry> entries, Effort effort, const Nvml& nvml) {
  switch (effort) {
    case Effort::screen:
      return time_bursts(entries, kScreening, nvml, stay_in_screen);
    case Effort::decide:
      return time_bursts(entries, kDeciding, nvml, until_decided(kLooks));
    case Effort::sustain:
      return time_blocks(entries, nvml);
  }
  return {};
}

void fill_in(Measurement& measurement, std::vector<double> samples_us, double power_w) {
  const auto [least, most] = std::ranges::minmax(samples_us);
  const Interval interval = median_interval(samples_us).value_or(Interval{least, most});
  measurement.median_us = quartiles(samples_us).median;
  measurement.low_us = interval.low;
  measurement.high_us = interval.high;
  measurement.power_w = power_w;
  measurement.samples_us = std::move(samples_us);
}

}  // namespace ditune
