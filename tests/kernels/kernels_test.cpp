// SPDX-License-Identifier: Apache-2.0
// Emitted kernels, compiled for the host and run under emulation: bit for bit what a plain loop computes.
#include <cstdio>

#include "catch.hpp"
#include "ditune/epilogue.hpp"
#include "generator/fallback.hpp"
#include "kernels/in_parallel.hpp"
#include "kernels/sample.hpp"
#include "tuner/verify/cpu_verifier.hpp"
#include "tuner/verify/host_problem.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

HostCompiler compiler() { return {DITUNE_CXX, DITUNE_OBJECTS}; }

std::string run(const KernelConfig& config, const Target& target, const Strides& strides,
                const Contents& contents = {.seed = 1}) {
  require_legal(config, target);
  return HostProblem(target, strides, contents)
      .run(compiler().compile(emit(config, target.epilogue)), config, 1)
      .failure;
}

std::string run(const char* config, const Target& target, const Strides& strides) {
  return run(parse_config(config), target, strides);
}

}  // namespace

TEST_CASE("every kernel of the covering sample gives the plain loop's bits") {
  const std::vector<Case> cases = covering_cases();
  REQUIRE(cases.size() >= 300);
  std::vector<std::string> failures(cases.size());
  const HostCompiler host = compiler();
  in_parallel(cases.size(), [&](std::size_t i) {
    const CpuVerifier verifier(host, {.seed = cases[i].seed, .threads = 1, .cases = {cases[i].operands}});
    failures[i] = verifier.verify(cases[i].target, std::vector{cases[i].config}).front().verdict.failure;
  });
  for (std::size_t i = 0; i < cases.size(); ++i)  // as lines of their own: Catch2 would break them
    if (!failures[i].empty()) std::printf("%s\n%s\n", failures[i].c_str(), replay(cases[i]).c_str());
  const auto right = static_cast<std::size_t>(std::ranges::count(failures, std::string()));
  std::printf("%zu of %zu cases are right\n", right, cases.size());
  CHECK(right == cases.size());
}

TEST_CASE("several persistent CTAs share many tiles") {
  Target target{{300, 200, 100}, {.bias = Bias::f32}, reference_device({86})};
  target.device.sms = 3;
  for (const char* config :
       {"mma_s8:tile=32x64x64,warps=1x2,stages=3,schedule=persistent,load=4",
        "mma_s8:tile=64x64x64,warps=2x2,stages=4,group=2,staging=shared,schedule=persistent,load=4"}) {
    INFO(config);
    CHECK(run(config, target, packed_strides(target.problem)) == "");
  }
}

TEST_CASE("tiles are computed once each, in whatever order they are walked") {
  const Target target{{150, 330, 64}, {.out = Output::s32}, reference_device({86})};
  for (const char* group : {"1", "4", "7", "32"}) {
    INFO("group=" << group);
    CHECK(run(("mma_s8:tile=16x64x64,warps=1x2,stages=2,group=" + std::string(group)).c_str(), target,
              packed_strides(target.problem)) == "");
  }
}

TEST_CASE("what lies between rows is not touched") {
  // Rows of Y that are aligned to 16 bytes and rows that are not.
  for (const std::int64_t ldy : {136, 131}) {
    for (const char* config :
         {"mma_s8:tile=32x64x64,warps=1x2,stages=3", "mma_s8:tile=64x64x64,warps=2x2,stages=3,split_k=2",
          "mma_s8:tile=32x64x64,warps=1x2,stages=3,staging=shared,load=4"}) {
      for (const Output out : {Output::bf16, Output::f32}) {
        const Target target{{70, 130, 272}, {.out = out}, reference_device({86})};
        INFO(config << " out=" << word(out) << " ldy=" << ldy);
        CHECK(run(config, target, {.x = 288, .w = 320, .y = ldy}) == "");
      }
    }
  }
}

TEST_CASE("the longest K and the largest sums that there are") {
  constexpr Contents kContents{1, Values::extreme};
  const Epilogue sums{.out = Output::s32};
  const GemmProblem odd{5, 6, kMaxK};
  for (const char* config : {"mma_s8:tile=16x64x256,warps=1x4,stages=2,load=1",
                             "mma_s8:tile=16x64x256,warps=1x4,stages=2,load=1,split_k=7"}) {
    INFO(config);
    CHECK(run(parse_config(config), {odd, sums, reference_device({86})}, packed_strides(odd), kContents) == "");
  }
  const GemmProblem even{5, 8, kMaxK / 16 * 16};
  Target hopper{even, sums, reference_device({90})};
  hopper.device.sms = 3;
  for (const char* config :
       {"wgmma_s8:tile=64x32,stages=3,consumers=pingpong", "wgmma_s8:tile=128x32,stages=3,decomposition=stream_k"}) {
    INFO(config);
    CHECK(run(parse_config(config), hopper, packed_strides(even), kContents) == "");
  }
}

TEST_CASE("built-in kernels serve ragged problems") {
  for (const char* text : {"1x1x1", "1x129x77", "65x1x131", "70x131x200", "130x70x17", "33x260x64", "129x129x272"}) {
    const GemmProblem problem = parse_problem(text);
    for (const Epilogue& epilogue : {Epilogue{.bias = Bias::f32}, Epilogue{.sx = ScaleX::tensor, .out = Output::f32}}) {
      const Target target{problem, epilogue, reference_device({86})};
      INFO(text << ' ' << format(epilogue));
      CHECK(run(fallback_config(problem.k), target, packed_strides(problem)) == "");
      CHECK(run(fallback_config(1), target, {problem.k + 3, problem.k + 5, problem.n + 1}) == "");
    }
  }
}
