// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/reference_kernels.hpp"

#include "catch.hpp"

using namespace ditune;

TEST_CASE("the reference kernels compile for old and new archs, without spills", "[compilers]") {
  const Nvrtc nvrtc;
  for (const SmArch arch : {SmArch{80}, SmArch{90}, SmArch{120}}) {
    const CompiledKernel compiled = nvrtc.compile(ReferenceKernels::source(), arch);
    INFO(format(arch));
    CHECK(compiled.resources.spill_bytes == 0);
    for (const char* name : {"ditune_fill_int8", "ditune_fill_scales", "ditune_fill_addends", "ditune_reference",
                             "ditune_quantize_reference", "ditune_compare", "ditune_check_uniform"})
      CHECK(compiled.cubin.find(name) != std::string::npos);
  }
}
