// SPDX-License-Identifier: Apache-2.0
#include "runtime/energy.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ditune {
namespace {

constexpr std::chrono::milliseconds kLook{2};

// Between the readings around `at_s`, of which there are some on either side.
double joules_at(std::span<const EnergyReading> readings, double at_s) {
  const auto after = std::ranges::upper_bound(readings, at_s, {}, &EnergyReading::at_s);
  if (after == readings.end()) return readings.back().joules;
  const EnergyReading &b = *after, &a = *std::prev(after);
  return a.joules + (b.joules - a.joules) * (at_s - a.at_s) / (b.at_s - a.at_s);
}

}  // namespace

double steady_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::optional<double> mean_power_w(std::span<const EnergyReading> readings, double from_s, double to_s) {
  if (readings.empty()) return std::nullopt;
  const double begin = std::max(from_s, readings.front().at_s), end = std::min(to_s, readings.back().at_s);
  if (end <= begin || end - begin < 0.5 * (to_s - from_s)) return std::nullopt;
  return (joules_at(readings, end) - joules_at(readings, begin)) / (end - begin);
}

EnergyMeter::EnergyMeter(std::function<std::optional<double>()> joules)
    : joules_(std::move(joules)), thread_([this](const std::stop_token& stopped) { watch(stopped); }) {}

std::vector<EnergyReading> EnergyMeter::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  return std::move(readings_);
}

void EnergyMeter::watch(const std::stop_token& stopped) {
  // The first value is of a step that began before: only where it moves is known when it did.
  std::optional<double> last = joules_();
  while (last && !stopped.stop_requested()) {
    std::this_thread::sleep_for(kLook);
    const std::optional<double> now = joules_();
    if (now && *now != *last) readings_.push_back({steady_s(), *now});
    last = now;
  }
}

}  // namespace ditune
