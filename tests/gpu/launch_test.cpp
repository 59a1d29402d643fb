// SPDX-License-Identifier: Apache-2.0
// How kernels are launched: clusters, and tensor maps as the driver sees them.
#include "catch.hpp"
#include "gpu_fixture.hpp"
#include "runtime/tensor_map.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

bool has_clusters() {
  if (gpu().device.arch >= SmArch{90}) return true;
  WARN("no sm_90 or newer: nothing to see");
  return false;
}

}  // namespace

TEST_CASE("gpu: a plan's clusters are what its CTAs see") {
  if (!has_clusters()) return;
  const Kernel kernel = gpu().load(KernelSource{"cluster_sizes", R"(
extern "C" __global__ void cluster_sizes(int* sizes) {
  int size;
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
  if (threadIdx.x == 0) sizes[blockIdx.x] = size;
}
)"});
  const Stream stream;
  const DeviceBuffer sizes(4 * sizeof(int));
  for (const int cluster : {1, 2, 4}) {
    LaunchPlan plan;
    plan.grid = 4;
    plan.cluster = cluster;
    plan.block = 32;
    kernel.launch(plan, sizes.as<int>(), stream);
    stream.synchronize();
    std::vector<int> seen(4);
    DITUNE_CUDA(cudaMemcpy(seen.data(), sizes.get(), sizes.bytes(), cudaMemcpyDeviceToHost));
    CHECK(seen == std::vector<int>(4, cluster));
  }
}

TEST_CASE("gpu: a tensor that the copy unit cannot describe is refused, and what it is is told") {
  if (!has_clusters()) return;
  const DeviceBuffer buffer(1 << 20);
  const TensorMapSpec good{buffer.get(), 100, 272, 288, 1, 64, 128};
  CHECK_NOTHROW(encode_tensor_map(good));
  for (const int element_bytes : {2, 4})
    CHECK_NOTHROW(encode_tensor_map({buffer.get(), 100, 272, 272 * element_bytes, element_bytes, 16, 128}));
  CHECK_NOTHROW(encode_tensor_map({buffer.get(), 1, 16, 16, 1, 256, 128}));  // less than a box
  TensorMapSpec pitch = good, base = good, box = good;
  pitch.pitch = 280;
  base.base = buffer.as<char>() + 8;
  box.box_rows = 257;
  for (const TensorMapSpec& spec : {pitch, base, box}) CHECK_THROWS_AS(encode_tensor_map(spec), CudaError);
  CHECK_THROWS_WITH(encode_tensor_map(pitch), Catch::Contains("100 rows of 272 elements") && Catch::Contains("280"));
}
