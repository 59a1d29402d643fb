// SM clock, power, temperature and driver version through NVML, opened with dlopen; absent values where it is not there.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace ditune {

struct GpuState {
  double sm_clock_mhz = 0;
  double power_w = 0;
  double temperature_c = 0;
};

class Nvml {
 public:
  // The device with this UUID ("GPU-..."); never throws: without NVML every answer is empty.
  explicit Nvml(const std::string& uuid);
  std::optional<GpuState> state() const;
  std::string driver_version() const;  // "580.159.04", or empty

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ditune
