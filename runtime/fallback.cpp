// SPDX-License-Identifier: Apache-2.0
#include "runtime/fallback.hpp"

#include <utility>

#include "fallback_images.hpp"
#include "generator/fallback.hpp"

namespace ditune {

FallbackKernel fallback_kernel(SmArch arch, const KernelConfig& config) {
  runs_as(arch);  // or throws
  std::string name = fallback_name(config);
  const std::string_view image = embedded_text(kFallbackImages, name);
  return {std::move(name), image};
}

}  // namespace ditune
