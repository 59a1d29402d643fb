// SPDX-License-Identifier: Apache-2.0
// Which GPUs are there, and what they are.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/cuda.hpp"

namespace ditune {
namespace {

int attribute(CUdevice_attribute name, CUdevice device) {
  int value = 0;
  DITUNE_CUDA(cuda().device_get_attribute(&value, name, device));
  return value;
}

CUdevice device_at(int ordinal) {
  CUdevice device = 0;
  DITUNE_CUDA(cuda().device_get(&device, ordinal));
  return device;
}

std::string name_of(CUdevice device) {
  std::array<char, 256> name = {};  // as many as the CUDA runtime has room for
  DITUNE_CUDA(cuda().device_get_name(name.data(), static_cast<int>(name.size()), device));
  return name.data();
}

}  // namespace

int device_count() noexcept {
  const CudaApi& installed = installed_cuda();
  int count = 0;
  return !installed.problem() && installed.device_get_count(&count) == CUDA_SUCCESS ? count : 0;
}

void use_device(int ordinal) { cuda().use_device(ordinal); }

DeviceInfo device_info(int ordinal) {
  const CUdevice device = device_at(ordinal);
  DeviceInfo info;
  info.name = name_of(device);
  info.arch = {10 * attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device) +
               attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device)};
  info.sms = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device);
  info.shared_per_sm = attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, device);
  info.shared_per_block = attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device);
  info.registers_per_sm = attribute(CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, device);
  info.threads_per_sm = attribute(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, device);
  info.ctas_per_sm = attribute(CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, device);
  info.l2_bytes = attribute(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, device);
  info.sm_clock_mhz = 1e-3 * attribute(CU_DEVICE_ATTRIBUTE_CLOCK_RATE, device);
  // Two transfers a clock (double data rate): kHz * 2 * bits / 8.
  info.dram_gbps = 1e-6 * attribute(CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, device) * 2 *
                   attribute(CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, device) / 8;
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
  CUuuid uuid = {};
  DITUNE_CUDA(cuda().device_get_uuid(&uuid, device_at(ordinal)));
  std::string text = "GPU";
  for (int i = 0; i < 16; ++i) {
    const bool starts_group = i == 0 || i == 4 || i == 6 || i == 8 || i == 10;
    text += fmt::format("{}{:02x}", starts_group ? "-" : "", static_cast<unsigned char>(uuid.bytes[i]));
  }
  return text;
}

std::string cuda_driver_version() {
  const int version = installed_cuda().version();
  return version > 0 ? cuda_version_text(version) : std::string();
}

std::string cuda_toolkit_version() { return cuda_version_text(CUDA_VERSION); }

std::size_t current_l2_bytes() {
  const CudaApi& cuda = cuda_on_device();
  CUdevice device = 0;
  DITUNE_CUDA(cuda.ctx_get_device(&device));
  return static_cast<std::size_t>(attribute(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, device));
}

std::size_t free_bytes() {
  const CudaApi& cuda = cuda_on_device();
  std::size_t free = 0, total = 0;
  DITUNE_CUDA(cuda.mem_get_info(&free, &total));
  return free;
}

std::string why_lost() {
  try {
    const CudaApi& cuda = cuda_on_device();
    const CUresult status = cuda.ctx_synchronize();
    return status == CUDA_SUCCESS ? std::string() : cuda.text_of(status);
  } catch (const CudaError& error) {
    return error.what();
  }
}

}  // namespace ditune
