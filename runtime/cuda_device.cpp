// SPDX-License-Identifier: Apache-2.0
// Which GPUs are there, and what they are.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/cuda.hpp"

namespace ditune {
namespace {

int attribute(cudaDeviceAttr name, int ordinal) {
  int value = 0;
  DITUNE_CUDA(cudaDeviceGetAttribute(&value, name, ordinal));
  return value;
}

// CUDA's versions are 1000 * major + 10 * minor.
std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

}  // namespace

int device_count() noexcept {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  static_cast<void>(cudaGetLastError());
  return 0;
}

void use_device(int ordinal) { DITUNE_CUDA(cudaSetDevice(ordinal)); }

DeviceInfo device_info(int ordinal) {
  cudaDeviceProp properties = {};
  DITUNE_CUDA(cudaGetDeviceProperties(&properties, ordinal));
  DeviceInfo info;
  info.name = properties.name;
  info.arch = {10 * properties.major + properties.minor};
  info.sms = properties.multiProcessorCount;
  info.shared_per_sm = static_cast<int>(properties.sharedMemPerMultiprocessor);
  info.shared_per_block = static_cast<int>(properties.sharedMemPerBlockOptin);
  info.registers_per_sm = properties.regsPerMultiprocessor;
  info.threads_per_sm = properties.maxThreadsPerMultiProcessor;
  info.ctas_per_sm = properties.maxBlocksPerMultiProcessor;
  info.l2_bytes = properties.l2CacheSize;
  info.sm_clock_mhz = 1e-3 * attribute(cudaDevAttrClockRate, ordinal);
  // Two transfers a clock (double data rate): kHz * 2 * bits / 8.
  info.dram_gbps = 1e-6 * attribute(cudaDevAttrMemoryClockRate, ordinal) * 2 *
                   attribute(cudaDevAttrGlobalMemoryBusWidth, ordinal) / 8;
  return complete_rates(std::move(info));
}

DeviceInfo complete_rates(DeviceInfo seen) {
  const auto known = known_devices();
  const auto same = std::find_if(known.begin(), known.end(), [&](const DeviceInfo& k) { return k.name == seen.name; });
  const DeviceInfo& like = same != known.end() ? *same : reference_device(runs_as(seen.arch));
  // Integrated GPUs and some virtual ones report no clocks.
  if (seen.sm_clock_mhz <= 0) seen.sm_clock_mhz = like.sm_clock_mhz;
  if (seen.dram_gbps <= 0) seen.dram_gbps = like.dram_gbps;
  seen.mma_s8_per_clock = like.mma_s8_per_clock;
  seen.l2_gbps = same != known.end() ? like.l2_gbps
                                     : like.l2_gbps * (seen.sms * seen.sm_clock_mhz) / (like.sms * like.sm_clock_mhz);
  return seen;
}

std::string device_uuid(int ordinal) {
  cudaDeviceProp properties = {};
  DITUNE_CUDA(cudaGetDeviceProperties(&properties, ordinal));
  std::string text = "GPU";
  for (int i = 0; i < 16; ++i) {
    const bool starts_group = i == 0 || i == 4 || i == 6 || i == 8 || i == 10;
    text += fmt::format("{}{:02x}", starts_group ? "-" : "", static_cast<unsigned char>(properties.uuid.bytes[i]));
  }
  return text;
}

std::string cuda_driver_version() {
  int version = 0;
  DITUNE_CUDA(cudaDriverGetVersion(&version));  // 0 without a driver
  return version > 0 ? version_text(version) : std::string();
}

std::string cuda_runtime_version() {
  int version = 0;
  DITUNE_CUDA(cudaRuntimeGetVersion(&version));
  return version_text(version);
}

}  // namespace ditune
