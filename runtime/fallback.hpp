// SPDX-License-Identifier: Apache-2.0
// Kernels that are built into the library: with no database and no NVRTC, every problem is still served.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ditune/config.hpp"
#include "ditune/device.hpp"
#include "ditune/epilogue.hpp"

namespace ditune {

// Images are PTX for the oldest arch, which the driver compiles for any newer one when it is loaded and keeps in its
// cache. Cubins, of every epilogue for every arch, would take several times the space and be of no use on an arch that
// comes after them; what they would save, the driver's compilation, is paid once.
struct FallbackKernel {
  KernelConfig config;
  std::string name;        // of the kernel in the image
  std::string_view image;  // PTX; a zero follows its last byte
};

// `row_multiple`: of K, ldx and ldw, as in fallback_config (generator/fallback.hpp, which also says what is served).
// Throws UsageError for an arch older than any supported one and for an epilogue that parse_epilogue does not give.
FallbackKernel fallback_kernel(const Epilogue& epilogue, SmArch arch, std::int64_t row_multiple = 1);

}  // namespace ditune
