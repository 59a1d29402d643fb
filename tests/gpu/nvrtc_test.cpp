// SPDX-License-Identifier: Apache-2.0
#include "runtime/nvrtc.hpp"

#include "catch.hpp"
#include "gpu_fixture.hpp"

using namespace ditune;

TEST_CASE("gpu: what is compiled again has its resources reported again") {
  const KernelSource source{"twice", "extern \"C\" __global__ void twice(float* p) { p[threadIdx.x] *= 2; }"};
  const CompiledKernel first = test::gpu().nvrtc.compile(source, test::gpu().device.arch);
  const CompiledKernel second = test::gpu().nvrtc.compile(source, test::gpu().device.arch);
  CHECK(first.resources.registers > 0);
  CHECK(second.resources == first.resources);
}
