// SM clock, power, energy, temperature and driver version through NVML, opened with dlopen; absent values where it is
// not there.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace ditune {

struct GpuState {
  double sm_clock_mhz = 0;  // 0, here and below: the card does not tell
  double power_w = 0;
  double temperature_c = 0;
};

class Nvml {
 public:
  // The device with this UUID ("GPU-..."). Where NVML or the device is not there, every answer is empty.
  explicit Nvml(const std::string& uuid);
  std::optional<GpuState> state() const;
  std::optional<double> energy_j() const;  // that the card has drawn since its driver was loaded; it moves in steps
  std::string driver_version() const;      // "580.159.04", or empty

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ditune
