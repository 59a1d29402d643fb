// SPDX-License-Identifier: Apache-2.0
// Every kernel, every epilogue, ragged sizes: bit for bit on the device.
#include "catch.hpp"
#include "ditune/epilogue.hpp"
#include "gemm.hpp"
#include "generator/launch_plan.hpp"
#include "gpu_fixture.hpp"
#include "kernels/sample.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Between them they have candidates of every load width, tiny and large tiles, and parts of K.
const std::vector<Gemm> kTypical = {{4096, 4608, 4608}, {16, 4608, 4608}, {257, 130, 4608}, {100, 130, 40},
                                    {64, 24, 36},       {17, 8, 17},      {1, 24, 4608},    {1, 1, 1}};

// Verifies those of the configs that no constraint refuses; returns how many.
int verify_legal(const Target& target, const std::vector<KernelConfig>& configs, const Strides& strides) {
  GpuProblem problem(target, strides, OperandSets::one, {.seed = 11}, gpu().kernels);
  int legal = 0;
  for (const KernelConfig& config : configs) {
    if (refusal(config, target)) continue;
    ++legal;
    const std::string failure = problem.failure(gpu().load(config, target.operation), config);
    INFO(describe(target.operation) << " " << format(config));
    CHECK(failure == "");
  }
  return legal;
}

int verify_legal(const Target& target, const std::vector<KernelConfig>& configs) {
  return verify_legal(target, configs, packed_strides(gemm_of(target.operation)));
}

}  // namespace

TEST_CASE("gpu: ragged problems, every pair of values of two fields") {
  const std::vector<KernelConfig> configs = covering_configs(kTypical);
  CHECK(configs.size() > 20);
  gpu().compiler.prepare(gpu().target(kTypical.front()), configs);
  for (std::int64_t k : {1, 16, 17, 36, 40, 130, 272, 4608})
    for (std::int64_t m : {1, 16, 17, 64, 100, 257})
      for (std::int64_t n : {1, 8, 24, 130}) CHECK(verify_legal(gpu().target(Gemm{m, n, k}), configs) > 0);
}

TEST_CASE("gpu: every pair of values that a large and a small problem's candidates have") {
  for (const Gemm& problem : {Gemm{1000, 1544, 1040}, Gemm{16, 4608, 4608}}) {
    const std::vector<KernelConfig> configs = covering_configs({problem});
    gpu().compiler.prepare(gpu().target(problem), configs);
    CHECK(verify_legal(gpu().target(problem), configs) == static_cast<int>(configs.size()));
  }
}

TEST_CASE("gpu: every epilogue") {
  // Both stagings under both schedules, parts of K, stores of both widths, every width of loads.
  std::vector<KernelConfig> configs;
  for (const char* text :
       {"mma_s8:tile=64x64x64,warps=2x2,stages=3", "mma_s8:tile=64x64x64,warps=2x2,stages=3,staging=shared",
        "mma_s8:tile=64x64x64,warps=2x2,stages=3,schedule=persistent",
        "mma_s8:tile=64x96x64,warps=2x2,stages=3,staging=shared,schedule=persistent",
        "mma_s8:tile=64x128x64,warps=2x2,stages=3,split_k=3", "mma_s8:tile=32x64x64,warps=1x2,stages=2,load=4",
        "mma_s8:tile=32x64x64,warps=1x2,stages=2,load=1"})
    configs.push_back(parse_config(text));
  // The first has more tiles than an H100 has SMs, so that a persistent CTA goes on to a second one.
  const std::vector<Gemm> problems = {{1000, 1544, 272}, {17, 131, 36}, {1, 8, 130}};
  std::vector<int> legal(problems.size());
  for (const Epilogue& epilogue : covering_epilogues()) {
    gpu().compiler.prepare(gpu().target(problems.front(), epilogue), configs);
    for (std::size_t i = 0; i < problems.size(); ++i)
      legal[i] = verify_legal(gpu().target(problems[i], epilogue), configs);
    CHECK(legal == std::vector<int>{7, 2, 1});
  }
}

TEST_CASE("gpu: rows apart: what lies between them is not touched") {
  const Gemm problem{100, 130, 272};
  const std::vector<KernelConfig> configs = covering_configs({problem});
  gpu().compiler.prepare(gpu().target(problem), configs);
  // Rows of Y that are aligned to 16 bytes and rows that are not.
  for (std::int64_t ldy : {136, 131})
    CHECK(verify_legal(gpu().target(problem), configs, GemmStrides{.x = 288, .w = 320, .y = ldy}) > 0);
}

TEST_CASE("gpu: parts of K leave the workspace zero, launch after launch") {
  const Target target = gpu().target(Gemm{64, 264, 4608});
  GpuProblem problem(target, packed_strides(gemm_of(target.operation)), OperandSets::one, {.seed = 2}, gpu().kernels);
  int split = 0;
  for (const KernelConfig& config : covering_configs({gemm_of(target.operation)})) {
    if (launch_plan(config, target).workspace_bytes == 0) continue;
    ++split;
    const Kernel kernel = gpu().load(config);
    for (int launch = 0; launch < 3; ++launch) CHECK(problem.failure(kernel, config) == "");
  }
  CHECK(split > 1);
}

TEST_CASE("gpu: replayed graphs compute the same bits") {
  const Target target = gpu().target(Gemm{100, 136, 1040});
  const DeviceOperands operands({target.operation, packed_strides(target.operation), 1, {.seed = 4}}, *gpu().kernels,
                                Stream());
  const Stream stream;
  const DeviceBuffer expected(output_bytes(operands));
  FusedGemmArgs args = args_of(operands);
  args.y = expected.get();
  gpu().kernels->run(target.operation, args, stream);
  args.y = args_of(operands).y;

  Workspace workspace;
  for (const KernelConfig& config : covering_configs({gemm_of(target.operation)})) {
    INFO(format(config));
    args.workspace = workspace.zeros(static_cast<std::size_t>(launch_plan(config, target).workspace_bytes), stream);
    const PreparedLaunch launch = prepare_launch(gpu().load(config), config, target, args);
    launch(stream);
    const Graph graph = Graph::capture(stream, [&] {
      for (int i = 0; i < 3; ++i) launch(stream);
    });
    for (int replay = 0; replay < 2; ++replay) {
      DITUNE_CUDA(cudaMemsetAsync(args.y, 0xFF, output_bytes(operands), stream.get()));
      graph.launch(stream);
      CHECK_FALSE(gpu().kernels->compare({args.y, expected.get(), args.m, args.n, args.ldy,
                                          element_of(gemm_of(target.operation).epilogue.out), 0xFF, nullptr},
                                         stream));
    }
  }
}

TEST_CASE("gpu: arguments that a config does not take are refused before a launch") {
  const Target target = gpu().target(Gemm{64, 64, 64});
  const KernelConfig config = enumerate(target).front();
  const Kernel kernel = gpu().load(config);
  GpuProblem misaligned(target, GemmStrides{.x = 72, .w = 64, .y = 64}, OperandSets::one, {.seed = 1}, gpu().kernels);
  CHECK_THROWS_AS(misaligned.failure(kernel, config), UsageError);

  const DeviceOperands operands({target.operation, packed_strides(target.operation), 1, {.seed = 1}}, *gpu().kernels,
                                Stream());
  FusedGemmArgs args = args_of(operands);
  CHECK_NOTHROW(check_args(config, target.operation, args, 0));
  args.x += 1;
  CHECK_THROWS_AS(check_args(config, target.operation, args, 0), UsageError);
}

TEST_CASE("gpu: a launch that the device refuses is an error, and the device goes on") {
  const Target target = gpu().target(Gemm{64, 64, 64});
  const KernelConfig config = enumerate(target).front();
  const DeviceOperands operands({target.operation, packed_strides(target.operation), 1, {.seed = 1}}, *gpu().kernels,
                                Stream());
  PreparedLaunch launch = prepare_launch(gpu().load(config), config, target, args_of(operands));
  launch.plan.shared_bytes = 1 << 20;
  const Stream stream;
  CHECK_THROWS_AS(launch(stream), CudaError);
  CHECK(verify_legal(target, {config}) == 1);
}
