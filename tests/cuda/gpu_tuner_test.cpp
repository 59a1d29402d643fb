// SPDX-License-Identifier: Apache-2.0
// What the tuner asks of a driver, from the operands to the timing. Kernels do nothing, so that nothing is wrong.
#include <algorithm>

#include "catch.hpp"
#include "cuda/stubbed.hpp"
#include "generator/launch_plan.hpp"
#include "runtime/copy_peer.hpp"
#include "runtime/cuda.hpp"
#include "runtime/gemm_s8/cublaslt.hpp"
#include "tuner/measure/gpu.hpp"

using namespace ditune;
using test::Stub;
using test::StubbedCuda;

namespace {

GpuOptions without_compiler() {
  return {.ordinal = 1, .compile = [](const KernelSource& source, SmArch) {
            return CompiledKernel{.name = source.name, .cubin = "image", .resources = {.registers = 168}};
          }};
}

// One of each family.
std::vector<KernelConfig> some_of(const Target& target) {
  std::vector<KernelConfig> some;
  for (const KernelConfig& config : enumerate(target))
    if (std::ranges::none_of(some, [&](const KernelConfig& other) { return other.index() == config.index(); }))
      some.push_back(config);
  return some;
}

}  // namespace

TEST_CASE("Configs of every family are verified and timed with the functions of the driver") {
  const StubbedCuda driver;
  const GpuTuner tuner(without_compiler());
  const Target target{Gemm{256, 512, 512}, device_info(1)};
  const std::vector<KernelConfig> configs = some_of(target);
  REQUIRE(configs.size() > 1);
  const std::vector<Measurement> results = tuner.backend().measure(target, configs, Effort::screen);
  REQUIRE(results.size() == configs.size());
  for (const Measurement& result : results) {
    INFO(result.failure);
    CHECK(result.ok());
  }
  CHECK(std::ranges::all_of(driver->launches, [](const auto& launch) { return launch.device == 1; }));
  CHECK(driver.calls("cuGraphLaunch") > 0);
  CHECK(driver->loads_under_capture == 0);
  for (const Verdict& verdict : tuner.verify(target, configs, OperandCase::plain)) CHECK(verdict.failure.empty());
  CHECK_FALSE(tuner.fits(target, OperandCase::far));
  const Provenance from = tuner.backend().provenance();
  CHECK(from.cuda_version == cuda_toolkit_version());
  CHECK(from.gpu_uuid == device_uuid(1));
}

TEST_CASE("A kernel that the GPU does not survive is told in the driver's words") {
  const StubbedCuda driver;
  const GpuTuner tuner(without_compiler());
  const Target target{Gemm{256, 512, 512}, device_info(1)};
  const std::vector<KernelConfig> configs = some_of(target);
  driver->failures["cuLibraryLoadData"] = CUDA_ERROR_NO_BINARY_FOR_GPU;
  const std::vector<Measurement> refused = tuner.backend().measure(target, {&configs[0], 1}, Effort::screen);
  CHECK_THAT(refused.at(0).failure, Catch::Contains("CUDA_ERROR_NO_BINARY_FOR_GPU"));
  driver->failures["cuCtxSynchronize"] = CUDA_ERROR_ILLEGAL_ADDRESS;
  CHECK_THROWS_WITH(tuner.backend().measure(target, {&configs[0], 1}, Effort::screen),
                    Catch::StartsWith("the GPU gave up at "));
}

TEST_CASE("Where timing itself finds no memory, no config has failed") {
  const StubbedCuda driver;
  const GpuTuner tuner(without_compiler());
  const Target target{Gemm{256, 512, 512}, device_info(1)};
  const std::vector<KernelConfig> configs = some_of(target);
  driver->failures["cuGraphLaunch"] = CUDA_ERROR_OUT_OF_MEMORY;
  CHECK_THROWS_AS(tuner.backend().measure(target, {&configs[0], 1}, Effort::screen), DeviceMemoryError);
}

TEST_CASE("A launch that finds no memory is the config's failure only where its kernel takes some") {
  const StubbedCuda driver;
  const GpuTuner tuner(without_compiler());
  const Target target{Gemm{256, 512, 512}, device_info(1)};
  const std::vector<KernelConfig> configs = some_of(target);
  const auto measure = [&](std::size_t config) {
    return tuner.backend().measure(target, {&configs.at(config), 1}, Effort::screen).at(0);
  };
  REQUIRE(launch_plan(configs.at(0), target).workspace_bytes == 0);
  CHECK(measure(0).ok());  // the problem is on the device now
  driver->failures["cuLaunchKernelEx"] = CUDA_ERROR_OUT_OF_MEMORY;
  CHECK_THROWS_AS(measure(0), DeviceMemoryError);
  driver->stack_bytes = 500 << 10;
  CHECK_THAT(measure(0).failure, Catch::Contains("CUDA_ERROR_OUT_OF_MEMORY"));
}

TEST_CASE("The copy that kernels are timed beside copies on the device") {
  const StubbedCuda driver;
  const Peer peer = copy_peer(Quantize{.m = 64, .k = 64}, device_info(0), 1 << 20);
  REQUIRE(peer.reason.empty());
  peer.launch(0, peer.sets - 1, Stream());
  CHECK(driver.calls("cuMemcpyDtoDAsync") == 1);
}
