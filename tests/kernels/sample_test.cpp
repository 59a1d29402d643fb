// SPDX-License-Identifier: Apache-2.0
#include "kernels/sample.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "catch.hpp"
#include "core/kind.hpp"
#include "kernels/samples.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Of one family: two fields and their values.
using Pair = std::tuple<std::size_t, std::size_t, int, std::size_t, int>;

std::set<Pair> pairs(const std::vector<KernelConfig>& configs) {
  std::set<Pair> result;
  for (const KernelConfig& config : configs) {
    const auto numbers = [](const auto&... member) { return std::vector{static_cast<int>(member)...}; };
    const std::vector<int> of = std::visit([&](const auto& c) { return std::apply(numbers, members(c)); }, config);
    for (std::size_t i = 0; i < of.size(); ++i)
      for (std::size_t j = i; j < of.size(); ++j) result.insert({config.index(), i, of[i], j, of[j]});
  }
  return result;
}

std::vector<DeviceInfo> all_devices() {
  std::vector<DeviceInfo> devices;
  for (const SmArch arch : supported_archs()) devices.push_back(reference_device(arch));
  return devices;
}

}  // namespace

TEST_CASE("few configs have every pair of values that many have") {
  for (const KindSample& sample : all_samples()) {
    const std::vector<KernelConfig> candidates = all_candidates(sample.typical, all_devices());
    const std::vector<KernelConfig> chosen = covering_configs(candidates);
    CHECK(pairs(chosen).size() == pairs(candidates).size());
    CHECK(chosen.size() * 4 < candidates.size());
    CHECK((covering_configs(candidates) == chosen));
  }
}

TEST_CASE("a config whose values others have is not chosen, one with a value of its own is") {
  const std::vector<KernelConfig> candidates = {
      parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3"),
      parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=4"),
      parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3"),
  };
  CHECK(covering_configs(candidates) == std::vector{candidates[0], candidates[1]});
  CHECK(covering_configs({}).empty());
}

TEST_CASE("the cases are many, legal and have all that is to be fused") {
  for (const KindSample& sample : all_samples()) {
    const std::vector<Case> cases = covering_cases(sample);
    CHECK(cases.size() >= 200);
    std::set<std::string> fused, sizes;
    for (const Case& one : cases) {
      INFO(replay(one));
      CHECK_FALSE(refusal(one.config, one.target));
      fused.insert(describe_fused(one.target.operation));
      sizes.insert(describe_sizes(one.target.operation));
    }
    CHECK(fused.size() == sample.fused.size());
    CHECK(sizes.size() > 50);
  }
}

TEST_CASE("every config runs every case of operands") {
  std::map<std::string, std::set<OperandCase>> ran;
  for (const Case& one : covering_cases()) ran[format(one.config)].insert(one.operands);
  for (const auto& [config, operands] : ran) {
    INFO(config);
    CHECK(operands.size() == kOperandCases.size());
  }
}

TEST_CASE("the cases are the same every time, each with a seed of its own") {
  for (const KindSample& sample : all_samples()) {
    const std::vector<Case> cases = covering_cases(sample), again = covering_cases(sample);
    CHECK(std::ranges::equal(cases, again, {}, replay, replay));
    std::set<std::uint64_t> seeds;
    for (const Case& one : cases) seeds.insert(one.seed);
    CHECK(seeds.size() == cases.size());
  }
}

TEST_CASE("a case tells how it is run again") {
  const Case one{parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3"),
                 {Gemm{17, 8, 64, {.bias = Bias::f32}}, reference_device({86})},
                 5,
                 OperandCase::far};
  CHECK(replay(one) ==
        "ditune verify --on cpu --arch sm_86 --operation gemm_s8:m=17,n=8,k=64,bias=f32 --config "
        "mma_s8:tile=64x64x64,warps=2x2,stages=3 --case far --seed 5");
}
