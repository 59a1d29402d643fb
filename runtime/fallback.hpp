// SPDX-License-Identifier: Apache-2.0
// Kernels that are built into the library: with no database and no NVRTC, every problem is still served.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ditune/config.hpp"
#include "ditune/device.hpp"

namespace ditune {

// Images are PTX for the oldest arch, which the driver compiles for any newer one when it is loaded and keeps in its
// cache. Cubins for every arch would take several times the space and be of no use on an arch that comes after them;
// what they would save, the driver's compilation, is paid once. A kernel takes its epilogue at run time, in
// fallback_parameter (generator/fallback.hpp), so one image serves all.
struct FallbackKernel {
  KernelConfig config;
  std::string name;        // of the kernel in the image
  std::string_view image;  // PTX; a zero follows its last byte
};

// `row_multiple`: of K, ldx and ldw, as in fallback_config (generator/fallback.hpp, which also says what is served).
// Throws UsageError for an arch older than any supported one.
FallbackKernel fallback_kernel(SmArch arch, std::int64_t row_multiple = 1);

}  // namespace ditune
