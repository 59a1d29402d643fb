// SPDX-License-Identifier: Apache-2.0
// The emulation against the GPU: the same kernels on the same operands, byte for byte. Needs a C++ compiler.
#include <cstdio>
#include <optional>
#include <utility>

#include "catch.hpp"
#include "core/in_parallel.hpp"
#include "db/fixtures.hpp"
#include "gemm.hpp"
#include "generator/launch_plan.hpp"
#include "gpu_fixture.hpp"
#include "host_arguments.hpp"
#include "kernels/sample.hpp"
#include "tuner/verify/host_problem.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr std::size_t kSample = 60;

// Of each kind.
std::vector<Case> sample() {
  std::vector<Case> some;
  for (const KindSample& kind : all_samples()) {
    std::vector<Case> all = covering_cases(kind);
    std::erase_if(all, [](const Case& one) {
      if (one.operands == OperandCase::far) return true;  // more memory than a GPU has
      return refusal(one.config, gpu().target(one.target.operation)).has_value();
    });
    for (std::size_t i = 0; i < kSample; ++i) some.push_back(all[i * all.size() / kSample]);
  }
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
Outputs run_on_gpu(const Case& one, const Arguments& host, Place place) {
  Workspace workspace;
  return outputs_on_gpu(one.target.operation, host, place, [&](Arguments arguments, const Stream& stream) {
    const auto bytes = static_cast<std::size_t>(launch_plan(one.config, one.target).workspace_bytes);
    set_workspace(arguments, one.target.operation, workspace.zeros(bytes, stream));
    prepare_launch(gpu().load(one.config, one.target.operation), one.config, one.target, arguments)(stream);
  });
}

}  // namespace

TEST_CASE("gpu: the emulation computes the bits that the GPU does") {
  const TempFolder objects;
  const HostCompiler compiler("c++", objects / "objects");
  const std::vector<Case> cases = sample();
  for (const Case& one : cases) gpu().compiler.prepare(gpu().target(one.target.operation), std::span(&one.config, 1));
  std::vector<std::optional<Emulated>> emulated(cases.size());
  in_parallel(cases.size(), 0, [&](std::size_t i) { emulated[i] = emulate(cases[i], compiler); });
  std::size_t agreed = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO(replay(cases[i]));
    const Emulation& emulation = emulated[i]->emulation;
    CHECK(emulation.failure == "");
    bool agree = true;
    for (const Place place : {Place::apart, Place::in_place})
      agree = agree && are_same(cases[i].target.operation,
                                run_on_gpu(cases[i], emulated[i]->problem.arguments(), place), emulation.outputs);
    CHECK(agree);
    agreed += agree;
  }
  std::printf("%zu of %zu cases agree\n", agreed, cases.size());
}
