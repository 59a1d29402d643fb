// SPDX-License-Identifier: Apache-2.0
// Clocks and what limits them, power, energy, temperature, processes and driver version through NVML, opened with
// dlopen; absent values where it is not there.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ditune {

// What keeps the clocks below what they could be.
struct ClockLimits {
  bool power = false;     // the power limit
  bool heat = false;      // the temperature
  bool hardware = false;  // a slowdown by the hardware: heat, power drawn too fast, a failing power supply
  bool operator==(const ClockLimits&) const = default;
};
ClockLimits operator|(const ClockLimits& a, const ClockLimits& b);

struct GpuState {
  double sm_clock_mhz = 0;  // 0, here and below: the card does not tell
  double power_w = 0;
  double temperature_c = 0;
  ClockLimits limits = {};  // none where the driver does not tell
};

inline constexpr std::array kNvmlLibraries = {"libnvidia-ml.so.1"};

class Nvml {
 public:
  // The device with this UUID ("GPU-..."). Where NVML or the device is not there, every answer is empty. Of `libraries`
  // the first that opens is taken.
  explicit Nvml(const std::string& uuid, std::span<const char* const> libraries = kNvmlLibraries);
  std::optional<GpuState> state() const;
  std::optional<double> energy_j() const;  // that the card has drawn since its driver was loaded; it moves in steps
  // Those with a context on the device, ours among them. In a container the numbers can be the host's.
  std::vector<unsigned> compute_processes() const;
  std::string driver_version() const;  // "580.159.04", or empty

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ditune
