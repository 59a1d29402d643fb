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
  return ditune::strides_of(one.operands, one.target.operation, stride_multiples(one.config, one.target.operation));
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

// The outputs as the GPU leaves them.
Outputs run_on_gpu(const Case& one, const Arguments& host) {
  const Target& target = one.target;
  const Stream stream;
  Workspace workspace;
  Arguments arguments = host;
  std::vector<DeviceBuffer> buffers;
  std::vector<std::pair<Operand, void*>> outputs;
  for (const Operand& operand : operands_of(target.operation, host)) {
    if (!operand.is_present) continue;
    void* const data = buffers.emplace_back(operand.bytes()).get();
    set_pointer(arguments, operand, data);
    if (operand.role == Role::input) {
      DITUNE_CUDA(cudaMemcpy(data, operand.data, operand.bytes(), cudaMemcpyHostToDevice));
    } else {
      DITUNE_CUDA(cudaMemset(data, 0xA5, operand.bytes()));
      outputs.emplace_back(operand, data);
    }
  }
  const auto workspace_bytes = static_cast<std::size_t>(launch_plan(one.config, target).workspace_bytes);
  set_workspace(arguments, target.operation, workspace.zeros(workspace_bytes, stream));
  prepare_launch(gpu().load(one.config, target.operation), one.config, target, arguments)(stream);
  stream.synchronize();
  Outputs results;
  for (const auto& [operand, data] : outputs) {
    std::vector<std::byte>& bytes = results.emplace_back(operand.rows() * operand.row_bytes());
    DITUNE_CUDA(cudaMemcpy2D(bytes.data(), operand.row_bytes(), data, operand.pitch(), operand.row_bytes(),
                             operand.rows(), cudaMemcpyDeviceToHost));
  }
  return results;
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
    const bool agrees = run_on_gpu(cases[i], emulated[i]->problem.arguments()) == emulation.outputs;
    CHECK(agrees);
    agreed += agrees;
  }
  std::printf("%zu of %zu cases agree\n", agreed, cases.size());
}
