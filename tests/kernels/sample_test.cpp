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
#include "ditune/epilogue.hpp"
#include "gemm.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// The fields of each family, by hand.
std::vector<int> values(const MmaS8Config& c) {
  return {c.tile_m,
          c.tile_n,
          c.tile_k,
          c.warps_m,
          c.warps_n,
          c.stages,
          c.group,
          c.split_k,
          c.ctas,
          c.load,
          static_cast<int>(c.staging),
          static_cast<int>(c.schedule)};
}
std::vector<int> values(const WgmmaS8Config& c) {
  return {
      c.tile_m,    c.tile_n, c.stages,  static_cast<int>(c.consumers), static_cast<int>(c.decomposition), c.cluster_m,
      c.cluster_n, c.group,  c.staging, static_cast<int>(c.launch)};
}

// Of one family: two fields and their values.
using Pair = std::tuple<std::size_t, std::size_t, int, std::size_t, int>;

std::set<Pair> pairs(const std::vector<KernelConfig>& configs) {
  std::set<Pair> result;
  for (const KernelConfig& config : configs) {
    const std::vector<int> of = std::visit([](const auto& c) { return values(c); }, config);
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

template <class T, class Of>
std::set<std::string> texts(const std::vector<T>& cases, Of of) {
  std::set<std::string> result;
  for (const T& one : cases) result.insert(format(of(one)));
  return result;
}

}  // namespace

TEST_CASE("few configs have every pair of values that many have") {
  const std::vector<KernelConfig> candidates = all_candidates(typical_problems(), all_devices());
  const std::vector<KernelConfig> chosen = covering_configs(candidates);
  CHECK(pairs(chosen).size() == pairs(candidates).size());
  CHECK(chosen.size() * 50 < candidates.size());
  CHECK((covering_configs(candidates) == chosen));
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

TEST_CASE("the cases are many, legal and have every pair of an epilogue's values") {
  const std::vector<Case> cases = covering_cases();
  CHECK(cases.size() >= 300);
  for (const Case& one : cases) {
    INFO(replay(one));
    CHECK_FALSE(refusal(one.config, one.target));
  }
  CHECK(texts(cases, [](const Case& one) { return gemm_of(one.target.operation).epilogue; }).size() ==
        covering_epilogues().size());
  CHECK(texts(cases, [](const Case& one) { return one.target.operation; }).size() > 50);
  CHECK(std::ranges::any_of(
      cases, [](const Case& one) { return gemm_of(one.target.operation).n == 1 && rows(one.target.operation) == 1; }));
}

TEST_CASE("every config runs every case of operands, and sums that a float does not hold") {
  std::map<std::string, std::set<OperandCase>> ran;
  for (const Case& one : covering_cases()) {
    ran[format(one.config)].insert(one.operands);
    if (one.operands == OperandCase::extreme) CHECK(gemm_of(one.target.operation).k > 2048);
  }
  CHECK(ran.size() > 50);
  for (const auto& [config, operands] : ran) {
    INFO(config);
    CHECK(operands.size() == kOperandCases.size());
  }
}

TEST_CASE("the cases are the same every time, each with a seed of its own") {
  const std::vector<Case> cases = covering_cases(), again = covering_cases();
  CHECK(std::ranges::equal(cases, again, {}, replay, replay));
  std::set<std::uint64_t> seeds;
  for (const Case& one : cases) seeds.insert(one.seed);
  CHECK(seeds.size() == cases.size());
}

TEST_CASE("a case tells how it is run again") {
  const Case one{parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3"),
                 {Gemm{17, 8, 64, {.bias = Bias::f32}}, reference_device({86})},
                 5,
                 OperandCase::far};
  CHECK(replay(one) ==
        "ditune verify --on cpu --arch sm_86 --shape 17x8x64 --epilogue bias=f32 --config "
        "mma_s8:tile=64x64x64,warps=2x2,stages=3 --case far --seed 5");
}
