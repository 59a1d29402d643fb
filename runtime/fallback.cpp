#include "runtime/fallback.hpp"

#include <algorithm>

#include "fallback_images.hpp"
#include "generator/emit.hpp"
#include "generator/fallback.hpp"

namespace ditune {

FallbackKernel fallback_kernel(const Epilogue& epilogue, SmArch arch, std::int64_t row_multiple) {
  runs_as(arch);                     // or throws
  parse_epilogue(format(epilogue));  // likewise
  const KernelConfig& config = fallback_config(row_multiple);
  const std::string name = kernel_name(config, epilogue);
  const EmbeddedFile& file = *std::ranges::find(kFallbackImages, name, &EmbeddedFile::name);
  return {config, file.name, file.text};
}

}  // namespace ditune
