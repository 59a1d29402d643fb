// SPDX-License-Identifier: Apache-2.0
#include "runtime/nvml.hpp"

#include <algorithm>
#include <array>

#include "runtime/dylib.hpp"

namespace ditune {
namespace {

// nvml.h is not always installed beside the toolkit: what is needed of it, from the "NVML API Reference Guide".
using NvmlDevice = struct NvmlDeviceHandle*;
using NvmlStatus = int;
constexpr NvmlStatus kSuccess = 0;            // NVML_SUCCESS
constexpr int kSmClock = 1;                   // NVML_CLOCK_SM
constexpr int kGpuTemperature = 0;            // NVML_TEMPERATURE_GPU
constexpr unsigned kDriverVersionBytes = 80;  // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
constexpr unsigned kMostProcesses = 128;      // that are looked at

// nvmlProcessInfo_v2_t, of versions 2 and 3 of the call.
struct NvmlProcess {
  unsigned pid;
  unsigned long long used_bytes;
  unsigned gpu_instance, compute_instance;
};

// nvmlClocksEventReason*; before driver 535, nvmlClocksThrottleReason*.
constexpr unsigned long long kSwPowerCap = 0x4, kHwSlowdown = 0x8, kSwThermalSlowdown = 0x20, kHwThermalSlowdown = 0x40,
                             kHwPowerBrake = 0x80;

}  // namespace

ClockLimits operator|(const ClockLimits& a, const ClockLimits& b) {
  return {a.power || b.power, a.heat || b.heat, a.hardware || b.hardware};
}

struct Nvml::Impl {
  explicit Impl(std::span<const char* const> libraries) : library(libraries) {
    if (!complete() || init() != kSuccess) return;
    started = true;
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (started) shutdown();
  }

  bool complete() const {
    return init && shutdown && driver_version && device_by_uuid && clock && power && temperature;
  }

  // The function under its newer name, or under the older one.
  template <class Function>
  Function* either(const char* newer, const char* older) const {
    Function* const found = library.function<Function>(newer);
    return found ? found : library.function<Function>(older);
  }

  Dylib library;
  NvmlStatus (*init)() = library.function<NvmlStatus()>("nvmlInit_v2");
  NvmlStatus (*shutdown)() = library.function<NvmlStatus()>("nvmlShutdown");
  NvmlStatus (*driver_version)(char*,
                               unsigned) = library.function<NvmlStatus(char*, unsigned)>("nvmlSystemGetDriverVersion");
  NvmlStatus (*device_by_uuid)(const char*, NvmlDevice*) =
      library.function<NvmlStatus(const char*, NvmlDevice*)>("nvmlDeviceGetHandleByUUID");
  NvmlStatus (*clock)(NvmlDevice, int, unsigned*) =  // MHz
      library.function<NvmlStatus(NvmlDevice, int, unsigned*)>("nvmlDeviceGetClockInfo");
  NvmlStatus (*power)(NvmlDevice, unsigned*) =  // milliwatts
      library.function<NvmlStatus(NvmlDevice, unsigned*)>("nvmlDeviceGetPowerUsage");
  NvmlStatus (*temperature)(NvmlDevice, int, unsigned*) =  // degrees Celsius
      library.function<NvmlStatus(NvmlDevice, int, unsigned*)>("nvmlDeviceGetTemperature");
  NvmlStatus (*energy)(NvmlDevice, unsigned long long*) =  // millijoules; cards from Volta on
      library.function<NvmlStatus(NvmlDevice, unsigned long long*)>("nvmlDeviceGetTotalEnergyConsumption");
  NvmlStatus (*clock_limits)(NvmlDevice, unsigned long long*) = either<NvmlStatus(NvmlDevice, unsigned long long*)>(
      "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons");
  // Version 2 first: some drivers of release 535 fill version 3 with a larger struct.
  NvmlStatus (*processes)(NvmlDevice, unsigned*, NvmlProcess*) =
      either<NvmlStatus(NvmlDevice, unsigned*, NvmlProcess*)>("nvmlDeviceGetComputeRunningProcesses_v2",
                                                              "nvmlDeviceGetComputeRunningProcesses_v3");
  bool started = false;
  NvmlDevice device = nullptr;
};

Nvml::Nvml(const std::string& uuid, std::span<const char* const> libraries) : impl_(std::make_shared<Impl>(libraries)) {
  if (!impl_->started) return;
  if (impl_->device_by_uuid(uuid.c_str(), &impl_->device) != kSuccess) impl_->device = nullptr;
}

std::optional<GpuState> Nvml::state() const {
  if (!impl_->device) return std::nullopt;
  unsigned clock = 0, power = 0, temperature = 0;  // stays 0, unknown, where a card does not tell
  impl_->clock(impl_->device, kSmClock, &clock);
  impl_->power(impl_->device, &power);
  impl_->temperature(impl_->device, kGpuTemperature, &temperature);
  unsigned long long reasons = 0;
  if (impl_->clock_limits && impl_->clock_limits(impl_->device, &reasons) != kSuccess) reasons = 0;
  return GpuState{static_cast<double>(clock),
                  1e-3 * power,
                  static_cast<double>(temperature),
                  {.power = (reasons & kSwPowerCap) != 0,
                   .heat = (reasons & (kSwThermalSlowdown | kHwThermalSlowdown)) != 0,
                   .hardware = (reasons & (kHwSlowdown | kHwPowerBrake)) != 0}};
}

std::optional<double> Nvml::energy_j() const {
  unsigned long long millijoules = 0;
  if (!impl_->device || !impl_->energy || impl_->energy(impl_->device, &millijoules) != kSuccess) return std::nullopt;
  return 1e-3 * static_cast<double>(millijoules);
}

std::vector<unsigned> Nvml::compute_processes() const {
  std::array<NvmlProcess, kMostProcesses> found = {};
  unsigned count = kMostProcesses;
  if (!impl_->device || !impl_->processes || impl_->processes(impl_->device, &count, found.data()) != kSuccess)
    return {};
  std::vector<unsigned> pids;
  for (unsigned i = 0; i < std::min(count, kMostProcesses); ++i) pids.push_back(found[i].pid);
  return pids;
}

std::string Nvml::driver_version() const {
  std::array<char, kDriverVersionBytes> text = {};
  if (!impl_->started || impl_->driver_version(text.data(), kDriverVersionBytes) != kSuccess) return {};
  return text.data();
}

}  // namespace ditune
