// SPDX-License-Identifier: Apache-2.0
// compile_fallback NVRTC HEADER: what the build runs to compile the kernels that runtime/fallback.cpp embeds.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <exception>
#include <fstream>

#include "generator/fallback.hpp"
#include "runtime/nvrtc.hpp"
#include "runtime/portable_ptx.hpp"

using namespace ditune;

namespace {

std::string header(const Nvrtc& nvrtc) {
  std::string text =
      "// Written by runtime/compile_fallback.cpp.\n#pragma once\n\n#include \"templates/embedded.hpp\"\n\n"
      "namespace ditune {\n\nconstexpr EmbeddedFile kFallbackImages[] = {\n";
  for (const KernelConfig& config : fallback_configs()) {
    const KernelSource source = emit_fallback(config);
    const std::string ptx = portable_ptx(nvrtc.ptx(source, supported_archs().front()));
    // With its size: the compiler would count so many characters one by one, and gives up.
    text += fmt::format("    {{\"{}\", {{R\"ditune({})ditune\", {}}}}},\n", source.name, ptx, ptx.size());
  }
  return text + "};\n\n}  // namespace ditune\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: compile_fallback NVRTC HEADER\n", stderr);
    return 2;
  }
  try {
    const std::array candidates = {static_cast<const char*>(argv[1])};
    const std::string text = header(Nvrtc(candidates));  // whole, before the file is touched
    std::ofstream file(argv[2], std::ios::binary);
    if (!(file << text << std::flush))
      throw UsageError(fmt::format("{} cannot be written", argv[2]), "make room for it");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "compile_fallback: %s\n", error.what());
    return 1;
  }
}
