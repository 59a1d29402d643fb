// SPDX-License-Identifier: Apache-2.0
// Emitted kernels, compiled for the host and run under emulation: bit for bit what a plain loop computes.
#include <cstdio>

#include "catch.hpp"
#include "core/in_parallel.hpp"
#include "ditune/epilogue.hpp"
#include "gemm.hpp"
#include "generator/fallback.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "kernels/samples.hpp"
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
      .run(compiler().compile(emit(config, target.operation)), config, 1)
      .failure;
}

std::string run(const char* config, const Target& target, const Strides& strides) {
  return run(parse_config(config), target, strides);
}

// Every case gives the plain loop's bits.
void check_right(const std::vector<Case>& cases) {
  std::vector<std::string> failures(cases.size());
  const HostCompiler host = compiler();
  in_parallel(cases.size(), 0, [&](std::size_t i) {
    const CpuVerifier verifier(host, {.seed = cases[i].seed, .threads = 1, .cases = {cases[i].operands}});
    failures[i] = verifier.verify(cases[i].target, std::vector{cases[i].config}).front().verdict.failure;
  });
  for (std::size_t i = 0; i < cases.size(); ++i)  // as lines of their own: Catch2 would break them
    if (!failures[i].empty()) std::printf("%s\n%s\n", failures[i].c_str(), replay(cases[i]).c_str());
  const auto right = static_cast<std::size_t>(std::ranges::count(failures, std::string()));
  std::printf("%zu of %zu cases are right\n", right, cases.size());
  CHECK(right == cases.size());
}

}  // namespace

TEST_CASE("every GEMM of the covering sample gives the plain loop's bits") {
  const std::vector<Case> cases = covering_cases(gemm_sample());
  CHECK(cases.size() >= 300);
  check_right(cases);
}

TEST_CASE("every quantization of the covering sample gives the plain loop's bits") {
  const std::vector<Case> cases = covering_cases(quantize_sample());
  CHECK(cases.size() >= 300);
  check_right(cases);
}

TEST_CASE("several persistent CTAs share many tiles") {
  Target target{Gemm{300, 200, 100, {.bias = Bias::f32}}, reference_device({86})};
  target.device.sms = 3;
  for (const char* config :
       {"mma_s8:tile=32x64x64,warps=1x2,stages=3,schedule=persistent,load=4",
        "mma_s8:tile=64x64x64,warps=2x2,stages=4,group=2,staging=shared,schedule=persistent,load=4"}) {
    INFO(config);
    CHECK(run(config, target, packed_strides(gemm_of(target.operation))) == "");
  }
}

TEST_CASE("tiles are computed once each, in whatever order they are walked") {
  const Target target{Gemm{150, 330, 64, {.out = Output::s32}}, reference_device({86})};
  for (const char* group : {"1", "4", "7", "32"}) {
    INFO("group=" << group);
    CHECK(run(("mma_s8:tile=16x64x64,warps=1x2,stages=2,group=" + std::string(group)).c_str(), target,
              packed_strides(gemm_of(target.operation))) == "");
  }
}

TEST_CASE("what lies between rows is not touched") {
  // Rows of Y that are aligned to 16 bytes and rows that are not.
  for (const std::int64_t ldy : {136, 131}) {
    for (const char* config :
         {"mma_s8:tile=32x64x64,warps=1x2,stages=3", "mma_s8:tile=64x64x64,warps=2x2,stages=3,split_k=2",
          "mma_s8:tile=32x64x64,warps=1x2,stages=3,staging=shared,load=4"}) {
      for (const Output out : {Output::bf16, Output::f32}) {
        const Target target{Gemm{70, 130, 272, {.out = out}}, reference_device({86})};
        INFO(config << " out=" << word(out) << " ldy=" << ldy);
        CHECK(run(config, target, GemmStrides{.x = 288, .w = 320, .y = ldy}) == "");
      }
    }
  }
}

TEST_CASE("the longest K and the largest sums that there are") {
  constexpr Contents kContents{1, Values::extreme};
  const Epilogue sums{.out = Output::s32};
  const Gemm odd{5, 6, kMaxK};
  for (const char* config : {"mma_s8:tile=16x64x256,warps=1x4,stages=2,load=1",
                             "mma_s8:tile=16x64x256,warps=1x4,stages=2,load=1,split_k=7"}) {
    INFO(config);
    CHECK(run(parse_config(config), {with(odd, sums), reference_device({86})}, packed_strides(odd), kContents) == "");
  }
  const Gemm even{5, 8, kMaxK / 16 * 16};
  Target hopper{with(even, sums), reference_device({90})};
  hopper.device.sms = 3;
  for (const char* config :
       {"wgmma_s8:tile=64x32,stages=3,consumers=pingpong", "wgmma_s8:tile=128x32,stages=3,decomposition=stream_k"}) {
    INFO(config);
    CHECK(run(parse_config(config), hopper, packed_strides(even), kContents) == "");
  }
}

TEST_CASE("built-in kernels give the plain loop's bits with every pair of an epilogue's values") {
  struct Built {
    KernelConfig config;
    HostKernel kernel;
  };
  std::vector<Built> built;
  for (const KernelConfig& config : fallback_configs())
    built.push_back({config, compiler().compile(emit_fallback(config))});
  const std::vector<Epilogue> epilogues = covering_epilogues();
  std::vector<std::string> failures(epilogues.size());
  const auto run_built_in = [&](const char* text, std::size_t i, const GemmStrides& gaps, Values values) {
    const Epilogue& epilogue = epilogues[i];
    const Gemm problem = with(parse_shape(text), epilogue);
    const std::int64_t y = output_columns(problem) + gaps.y;
    const GemmStrides strides{problem.k + gaps.x, problem.k + gaps.w, y, y, y};
    const HostProblem host({problem, reference_device({86})}, strides, {i, values});
    for (const auto& [config, kernel] : built) {
      const int multiple = std::get<MmaS8Config>(config).load;
      if (problem.k % multiple != 0 || gaps.x % multiple != 0 || gaps.w % multiple != 0) continue;
      const std::string failure =
          host.run(kernel, config, i, [&](const Arguments& args) { return fallback_parameter(problem, args); }).failure;
      if (failure.empty()) continue;
      failures[i] += format(config) + " on " + text + " with " + format(epilogue) + ": " + failure + "\n";
    }
  };
  in_parallel(epilogues.size(), 0, [&](std::size_t i) {
    run_built_in("1x1x1", i, {}, Values::random);
    run_built_in("17x131x48", i, {}, Values::random);  // rows of Y that begin anywhere
    run_built_in("1x129x77", i, {}, Values::random);
    run_built_in("70x136x80", i, {16, 32, 8}, Values::random);
    run_built_in("65x130x272", i, {}, Values::extreme);
    run_built_in("17x68x131", i, {3, 5, 1}, Values::extreme);
  });
  for (const std::string& failure : failures) CHECK(failure.empty());
  for (const std::string& failure : failures) std::fputs(failure.c_str(), stdout);
}

TEST_CASE("built-in kernels serve the longest K and rows far apart") {
  for (const KernelConfig& config : fallback_configs()) {
    const int multiple = std::get<MmaS8Config>(config).load;
    const HostKernel kernel = compiler().compile(emit_fallback(config));
    const auto failure = [&](const Target& target, const Strides& strides, Values values) {
      return HostProblem(target, strides, {1, values})
          .run(kernel, config, 1, [&](const Arguments& args) { return fallback_parameter(target.operation, args); })
          .failure;
    };
    INFO(format(config));
    const Gemm longest{5, 6, kMaxK / multiple * multiple}, small{70, 131, 16};
    CHECK(failure({with(longest, {.out = Output::s32}), reference_device({86})}, packed_strides(longest),
                  Values::extreme) == "");
    CHECK(failure({with(small, {.bias = Bias::bf16}), reference_device({86})}, strides_of(OperandCase::far, small, {}),
                  Values::random) == "");
  }
}
