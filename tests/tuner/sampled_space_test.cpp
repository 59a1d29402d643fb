// SPDX-License-Identifier: Apache-2.0
// Candidates as NVRTC and ptxas see them: none is dead on arrival, and those that rank first do not spill.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "catch.hpp"
#include "gemm.hpp"
#include "generator/cost_model.hpp"
#include "runtime/nvrtc.hpp"
#include "tuner/measure/candidate_compiler.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("a sample of the space compiles for every arch, and what ranks first does not spill", "[compilers]") {
  CandidateCompiler compiler(
      [nvrtc = Nvrtc()](const KernelSource& source, SmArch arch) { return nvrtc.compile(source, arch); });
  std::mt19937 random(20);
  for (const int arch : {80, 86, 89, 90, 120}) {
    for (const char* problem : {"6144x13824x4608", "256x4608x4608", "17x4608x4608", "33x70x4606"}) {
      const Target target{with(parse_shape(problem), {.bias = Bias::bf16}), reference_device({arch})};
      std::vector<KernelConfig> configs = enumerate(target);
      std::ranges::shuffle(configs, random);
      const auto first = std::ranges::min_element(
          configs, {}, [&](const KernelConfig& config) { return predict(config, target).total_us; });
      std::iter_swap(configs.begin(), first);
      configs.resize(2);
      const std::vector<Measurement> results = compiler.examine(target, configs);
      CAPTURE(arch, problem, format(configs[0]), format(configs[1]));
      CHECK(results[0].failure == "");
      CHECK(results[0].resources.spill_bytes == 0);
      CHECK(results[1].resources.registers > 0);
    }
  }
}
