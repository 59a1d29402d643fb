// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/provenance.hpp"

#include <chrono>
#include <ctime>
#include <utility>
#include <vector>

#include "runtime/cuda.hpp"
#include "runtime/timing.hpp"

namespace ditune {

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc = {};
  gmtime_r(&now, &utc);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

Provenance toolchain_provenance(const Nvrtc& nvrtc) {
  Provenance from;
  from.cuda_version = cuda_toolkit_version();
  from.nvrtc_version = nvrtc.version();
  from.ditune_version = DITUNE_VERSION;
  from.when = utc_now();
  return from;
}

GpuState typical_state(std::span<const std::optional<GpuState>> rounds) {
  const auto median = [rounds](double GpuState::*value) {
    std::vector<double> told;
    for (const std::optional<GpuState>& state : rounds)
      if (state && (*state).*value > 0) told.push_back((*state).*value);
    return quartiles(std::move(told)).median;
  };
  return {.sm_clock_mhz = median(&GpuState::sm_clock_mhz),
          .power_w = median(&GpuState::power_w),
          .temperature_c = median(&GpuState::temperature_c)};
}

}  // namespace ditune
