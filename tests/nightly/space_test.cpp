// SPDX-License-Identifier: Apache-2.0
// The whole search space, compiled by NVRTC for every arch: hours on a few cores.
#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "catch.hpp"
#include "kernels/samples.hpp"
#include "tuner/measure/candidate_compiler.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

struct Tally {
  std::size_t kernels = 0, spilling = 0;
  std::vector<std::string> failures;
};

Tally compile_all(SmArch arch) {
  const CompilePool::Compile compile = [nvrtc = Nvrtc()](const KernelSource& source, SmArch for_arch) {
    return nvrtc.compile(source, for_arch);
  };
  Tally tally;
  std::set<std::string> known;
  for (const Operation& problem : typical_operations()) {
    const Target target{problem, reference_device(arch)};
    std::vector<KernelConfig> configs = enumerate(target);
    std::erase_if(configs, [&](const KernelConfig& config) { return !known.insert(format(config)).second; });
    // A compiler of its own for each problem: one keeps all cubins that it made.
    for (const Measurement& result : CandidateCompiler(compile).examine(target, configs)) {
      ++tally.kernels;
      tally.spilling += result.resources.spill_bytes > 0;
      if (!result.failure.empty()) tally.failures.push_back(result.failure);
    }
  }
  return tally;
}

}  // namespace

TEMPLATE_TEST_CASE_SIG("every candidate compiles for sm", "", ((int arch), arch), 80, 86, 87, 89, 90, 100, 120, 121) {
  const Tally tally = compile_all({arch});
  std::printf("sm_%d: %zu kernels, %zu of them spill registers, %zu do not compile\n", arch, tally.kernels,
              tally.spilling, tally.failures.size());
  CHECK(tally.kernels > 1000);
  CHECK(tally.failures == std::vector<std::string>{});
}

TEST_CASE("these are all archs") {
  constexpr std::array kArchs{80, 86, 87, 89, 90, 100, 120, 121};
  CHECK(std::ranges::equal(kArchs, supported_archs(), {}, {}, &SmArch::number));
}
