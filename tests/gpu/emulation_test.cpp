// SPDX-License-Identifier: Apache-2.0
// The emulation against the GPU: the same kernels on the same operands, byte for byte. Needs a C++ compiler.
#include <cstdio>
#include <optional>
#include <utility>

#include "catch.hpp"
#include "db/fixtures.hpp"
#include "gemm.hpp"
#include "generator/launch_plan.hpp"
#include "gpu_fixture.hpp"
#include "kernels/in_parallel.hpp"
#include "kernels/sample.hpp"
#include "tuner/verify/host_problem.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr std::size_t kSample = 60;

std::vector<Case> sample() {
  std::vector<Case> all = covering_cases();
  std::erase_if(all, [](const Case& one) {
    if (one.operands == OperandCase::far) return true;  // more memory than a GPU has
    return refusal(one.config, gpu().target(one.target.operation)).has_value();
  });
  std::vector<Case> some;
  for (std::size_t i = 0; i < kSample; ++i) some.push_back(all[i * all.size() / kSample]);
  return some;
}

Strides strides_of(const Case& one) {
  const StrideMultiples multiples = stride_multiples(one.config, gemm_of(one.target.operation).epilogue.out);
  return ditune::strides_of(one.operands, gemm_of(one.target.operation), multiples);
}

// A case under emulation, and the operands that it had.
struct Emulated {
  HostProblem problem;
  Emulation emulation;
};

Emulated emulate(const Case& one, const HostCompiler& compiler) {
  HostProblem problem(one.target, strides_of(one), Contents{one.seed, values_of(one.operands)});
  const HostKernel kernel = compiler.compile(emit(one.config, one.target.operation));
  Emulation emulation = problem.run(kernel, one.config, one.seed);
  return {std::move(problem), std::move(emulation)};
}

DeviceBuffer on_device(const void* host, std::size_t bytes) {
  if (bytes == 0) return {};
  DeviceBuffer buffer(bytes);
  DITUNE_CUDA(cudaMemcpy(buffer.get(), host, bytes, cudaMemcpyHostToDevice));
  return buffer;
}

// Y as the GPU leaves it: [m, n], packed.
std::vector<std::byte> run_on_gpu(const Case& one, const GemmArgs& host) {
  const Target& target = one.target;
  const OperandCounts counts = operand_counts(gemm_of(target.operation), strides_of(one));
  const DeviceBuffer x = on_device(host.x, counts.x), w = on_device(host.w, counts.w);
  const DeviceBuffer sx = on_device(host.sx, 4 * counts.sx), sw = on_device(host.sw, 4 * counts.sw);
  const DeviceBuffer bias = on_device(host.bias, counts.bias * bias_bytes(gemm_of(target.operation).epilogue.bias));
  const auto size = static_cast<std::size_t>(output_bytes(gemm_of(target.operation).epilogue.out));
  const DeviceBuffer y(counts.y * size);
  DITUNE_CUDA(cudaMemset(y.get(), 0xA5, y.bytes()));
  const Stream stream;
  Workspace workspace;
  GemmArgs args = host;
  args.x = x.as<const signed char>();
  args.w = w.as<const signed char>();
  args.sx = sx.as<const float>();
  args.sw = sw.as<const float>();
  args.bias = bias.get();
  args.y = y.get();
  args.workspace = workspace.zeros(static_cast<std::size_t>(launch_plan(one.config, target).workspace_bytes), stream);
  prepare_launch(gpu().load(one.config, target.operation), one.config, target, args)(stream);
  stream.synchronize();
  const auto rows = static_cast<std::size_t>(args.m), width = static_cast<std::size_t>(args.n) * size;
  std::vector<std::byte> bytes(rows * width);
  DITUNE_CUDA(cudaMemcpy2D(bytes.data(), width, y.get(), static_cast<std::size_t>(args.ldy) * size, width, rows,
                           cudaMemcpyDeviceToHost));
  return bytes;
}

}  // namespace

TEST_CASE("gpu: the emulation computes the bits that the GPU does") {
  const TempFolder objects;
  const HostCompiler compiler("c++", objects / "objects");
  const std::vector<Case> cases = sample();
  for (const Case& one : cases) gpu().compiler.prepare(gpu().target(one.target.operation), std::span(&one.config, 1));
  std::vector<std::optional<Emulated>> emulated(cases.size());
  in_parallel(cases.size(), [&](std::size_t i) { emulated[i] = emulate(cases[i], compiler); });
  std::size_t agreed = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO(replay(cases[i]));
    const Emulation& emulation = emulated[i]->emulation;
    CHECK(emulation.failure == "");
    const bool agrees = run_on_gpu(cases[i], emulated[i]->problem.args()) == emulation.output;
    CHECK(agrees);
    agreed += agrees;
  }
  std::printf("%zu of %zu cases agree\n", agreed, cases.size());
}
