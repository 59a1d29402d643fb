// SPDX-License-Identifier: Apache-2.0
// Kernels that are built into the library: with no database and no NVRTC, what a kind has such kernels for is served.
#pragma once

#include <string>
#include <string_view>

#include "ditune/config.hpp"
#include "ditune/device.hpp"

namespace ditune {

// Images are PTX for the oldest arch, which the driver compiles for any newer one when it is loaded and keeps in its
// cache. Cubins for every arch would take several times the space and be of no use on an arch that comes after them;
// what they would save, the driver's compilation, is paid once.
struct FallbackKernel {
  std::string name;        // of the kernel in the image
  std::string_view image;  // PTX; a zero follows its last byte
};

// Of one of fallback_configs (generator/fallback.hpp). Throws UsageError for an arch older than any supported one.
FallbackKernel fallback_kernel(SmArch arch, const KernelConfig& config);

}  // namespace ditune
