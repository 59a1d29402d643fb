// SPDX-License-Identifier: Apache-2.0
// Watts from a counter of joules that moves in steps.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace ditune {

// Seconds of a clock that only goes forward.
double steady_s();

// What the counter showed when it was first seen to have moved.
struct EnergyReading {
  double at_s = 0, joules = 0;
};

// Mean power between two times: the counter is taken to rise evenly from reading to reading, so that its steps do not
// show. Nothing, unless readings cover at least half of that time.
std::optional<double> mean_power_w(std::span<const EnergyReading> readings, double from_s, double to_s);

// Looks at the counter every few milliseconds, in a thread of its own, from construction until stop().
class EnergyMeter {
 public:
  // `joules`: the counter, or nothing where it is not there; the meter then does not look again.
  explicit EnergyMeter(std::function<std::optional<double>()> joules);
  EnergyMeter(const EnergyMeter&) = delete;
  EnergyMeter& operator=(const EnergyMeter&) = delete;
  std::vector<EnergyReading> stop();

 private:
  void watch(const std::stop_token& stopped);

  std::function<std::optional<double>()> joules_;
  std::vector<EnergyReading> readings_;  // the thread's until it has ended
  std::jthread thread_;
};

}  // namespace ditune
