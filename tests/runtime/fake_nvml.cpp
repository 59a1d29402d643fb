// SPDX-License-Identifier: Apache-2.0
// A libnvidia-ml with one device, of which it always tells the same. Built twice: as a driver of today, and as one that
// lacks what not all have.
#include <algorithm>
#include <cstring>
#include <iterator>

namespace {
struct Process {
  unsigned pid;
  unsigned long long used_bytes;
  unsigned gpu_instance, compute_instance;
};
[[maybe_unused]] constexpr int kSuccess = 0, kNotFound = 6, kInsufficientSize = 7;
int device = 0;
}  // namespace

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): NVML's names
int nvmlInit_v2() { return kSuccess; }
int nvmlShutdown() { return kSuccess; }
int nvmlSystemGetDriverVersion(char* text, unsigned size) {
  std::strncpy(text, "580.1.2", size);
  return kSuccess;
}
int nvmlDeviceGetHandleByUUID(const char* uuid, void** handle) {
  *handle = &device;
  return std::strcmp(uuid, "GPU-fake") == 0 ? kSuccess : kNotFound;
}
int nvmlDeviceGetClockInfo(void*, int, unsigned* mhz) {
  *mhz = 1500;
  return kSuccess;
}
int nvmlDeviceGetPowerUsage(void*, unsigned* milliwatts) {
  *milliwatts = 699500;
  return kSuccess;
}
int nvmlDeviceGetTemperature(void*, int, unsigned* celsius) {
  *celsius = 61;
  return kSuccess;
}
#ifdef FAKE_NVML_OLD
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
  *reasons = 0x40 | 0x8 | 0x2;
  return kSuccess;
}
#else
int nvmlDeviceGetCurrentClocksEventReasons(void*, unsigned long long* reasons) {
  *reasons = 0x4 | 0x2;
  return kSuccess;
}
int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* millijoules) {
  *millijoules = 12345678;
  return kSuccess;
}
int nvmlDeviceGetComputeRunningProcesses_v2(void*, unsigned* count, Process* found) {
  const Process processes[] = {{1234, 1, 0, 0}, {77, 2, 0, 0}};
  if (*count < 2) return kInsufficientSize;
  std::copy(std::begin(processes), std::end(processes), found);
  *count = 2;
  return kSuccess;
}
#endif
// NOLINTEND(readability-identifier-naming)
}
