// SPDX-License-Identifier: Apache-2.0
// What the search space and the cost model need of a GPU, as a value: known GPUs are in a table, so one can generate
// for a GPU that is not here.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ditune {

// A compute capability: 86 is sm_86. sm_90 and sm_90a name the same.
struct SmArch {
  int number = 0;
  auto operator<=>(const SmArch&) const = default;
};

std::string format(SmArch arch);            // "sm_86"
SmArch parse_arch(std::string_view text);   // "sm_86", "sm_90a"; throws UsageError on anything unsupported
std::span<const SmArch> supported_archs();  // 80, 86, 87, 89, 90, 100, 120, 121

// The newest supported arch that is not newer than this one: what its kernels are chosen as, e.g. sm_100 for sm_103.
// Throws UsageError if the arch is older than every supported one.
SmArch runs_as(SmArch arch);

struct DeviceInfo {
  std::string name;  // as the driver names it, e.g. "NVIDIA GeForce RTX 3090"
  SmArch arch;
  int sms = 0;
  // Per SM, CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
  int shared_per_sm = 0;     // bytes
  int shared_per_block = 0;  // bytes a CTA can opt in to
  int registers_per_sm = 0;  // 32-bit
  int threads_per_sm = 0;
  int ctas_per_sm = 0;
  std::int64_t l2_bytes = 0;
  double sm_clock_mhz = 0;      // boost
  double dram_gbps = 0;         // 10^9 bytes a second, nominal
  double l2_gbps = 0;           // L2 to SMs, 10^9 bytes a second: measured or, where nobody did, estimated
  double mma_s8_per_clock = 0;  // int8 multiply-adds an SM issues in a clock through mma.sync
  bool operator==(const DeviceInfo&) const = default;
};

std::span<const DeviceInfo> known_devices();

// By the driver's name, with or without its "NVIDIA ", "GeForce " prefix, or by words of it that no other card has, in
// any case: "rtx 3090", "H100", "A100 40GB". Throws UsageError that says so of a card that is too old, and names the
// cards that may be meant.
const DeviceInfo& find_device(std::string_view name);

// The card that an arch alone stands for: 80 A100, 86 RTX 3090, 87 Orin, 89 RTX 4090, 90 H100, 100 B200, 120 RTX 5090,
// 121 GB10. Throws UsageError on anything else.
const DeviceInfo& reference_device(SmArch arch);

}  // namespace ditune
