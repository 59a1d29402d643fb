#include "runtime/nvml.hpp"

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

constexpr std::array kCandidates = {"libnvidia-ml.so.1"};

}  // namespace

struct Nvml::Impl {
  Impl() {
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

  Dylib library{kCandidates};
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
  bool started = false;
  NvmlDevice device = nullptr;
};

Nvml::Nvml(const std::string& uuid) : impl_(std::make_shared<Impl>()) {
  if (!impl_->started) return;
  if (impl_->device_by_uuid(uuid.c_str(), &impl_->device) != kSuccess) impl_->device = nullptr;
}

std::optional<GpuState> Nvml::state() const {
  if (!impl_->device) return std::nullopt;
  unsigned clock = 0, power = 0, temperature = 0;  // stays 0, unknown, where a card does not tell
  impl_->clock(impl_->device, kSmClock, &clock);
  impl_->power(impl_->device, &power);
  impl_->temperature(impl_->device, kGpuTemperature, &temperature);
  return GpuState{static_cast<double>(clock), 1e-3 * power, static_cast<double>(temperature)};
}

std::optional<double> Nvml::energy_j() const {
  unsigned long long millijoules = 0;
  if (!impl_->device || !impl_->energy || impl_->energy(impl_->device, &millijoules) != kSuccess) return std::nullopt;
  return 1e-3 * static_cast<double>(millijoules);
}

std::string Nvml::driver_version() const {
  std::array<char, kDriverVersionBytes> text = {};
  if (!impl_->started || impl_->driver_version(text.data(), kDriverVersionBytes) != kSuccess) return {};
  return text.data();
}

}  // namespace ditune
