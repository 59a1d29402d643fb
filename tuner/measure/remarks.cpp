// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/remarks.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tuner/measure/provenance.hpp"

namespace ditune {
namespace {

// Whether at least a quarter of those that were told have this limit.
bool is_common(std::span<const std::optional<GpuState>> states, bool ClockLimits::*limit) {
  const auto told = std::ranges::count_if(states, [](const auto& state) { return state.has_value(); });
  const auto limited = std::ranges::count_if(states, [&](const auto& state) { return state && state->limits.*limit; });
  return limited > 0 && 4 * limited >= told;
}

}  // namespace

void Remarks::measured(std::span<const std::optional<GpuState>> states, Regime regime) {
  if (is_common(states, &ClockLimits::heat)) say("heat", "the GPU slows down because it is hot: times are longer");
  if (is_common(states, &ClockLimits::hardware))
    say("hardware", "the GPU's hardware slows it down (heat, a power brake or its power supply): times are longer");
  if (regime == Regime::sustained) return;
  const double mhz = typical_state(states).sm_clock_mhz;
  if (mhz == 0) return;
  highest_mhz_ = std::max(highest_mhz_, mhz);
  if (mhz < 0.95 * highest_mhz_)
    say("clock", "the SM clock fell from " + std::to_string(std::lround(highest_mhz_)) + " to " +
                     std::to_string(std::lround(mhz)) + " MHz in bursts" +
                     (is_common(states, &ClockLimits::power) ? ", at the power limit" : "") +
                     ": times of different batches compare less well");
}

void Remarks::processes(std::span<const unsigned> pids, unsigned own) {
  if (std::ranges::find(pids, own) == pids.end()) {
    if (pids.size() > 1) say("others", "another program uses the GPU: times may be longer");
    return;
  }
  for (const unsigned pid : pids)
    if (pid != own)
      say("pid " + std::to_string(pid),
          "another program uses the GPU (pid " + std::to_string(pid) + "): times may be longer");
}

std::vector<std::string> Remarks::take() { return std::exchange(pending_, {}); }

void Remarks::say(const std::string& about, std::string sentence) {
  if (said_.insert(about).second) pending_.push_back(std::move(sentence));
}

}  // namespace ditune
