// SPDX-License-Identifier: Apache-2.0
// The family wgmma_s8 where its CTAs have several tiles, whole and ragged, alone and in clusters. sm_90 alone.
#include <initializer_list>
#include <vector>

#include "catch.hpp"
#include "gemm.hpp"
#include "generator/launch_plan.hpp"
#include "gpu_fixture.hpp"
#include "kernels/sample.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

bool is_hopper() {
  if (gpu().device.arch == SmArch{90}) return true;
  WARN("no sm_90: nothing to see");
  return false;
}

std::vector<KernelConfig> parsed(std::initializer_list<const char*> texts) {
  std::vector<KernelConfig> configs;
  for (const char* text : texts) configs.push_back(parse_config(text));
  return configs;
}

// Both kinds of consumers, clusters along both sides, whole tiles and shared ones.
std::vector<KernelConfig> configs() {
  return parsed({"wgmma_s8:tile=128x128,stages=3", "wgmma_s8:tile=128x256,stages=3,cluster=2x1",
                 "wgmma_s8:tile=64x192,stages=4,consumers=pingpong",
                 "wgmma_s8:tile=128x128,stages=2,consumers=pingpong,cluster=1x2,group=4",
                 "wgmma_s8:tile=256x128,stages=3,decomposition=stream_k,cluster=1x2",
                 "wgmma_s8:tile=128x64,stages=5,decomposition=stream_k"});
}

// Tiles whose rows of Y are no whole 128 bytes, and one box of staging for each warp.
std::vector<KernelConfig> narrow_configs() {
  return parsed({"wgmma_s8:tile=64x144,stages=4,consumers=pingpong", "wgmma_s8:tile=128x80,stages=4",
                 "wgmma_s8:tile=128x48,stages=5,cluster=2x1", "wgmma_s8:tile=128x224,stages=3,staging=1",
                 "wgmma_s8:tile=128x176,stages=4,consumers=pingpong,staging=1",
                 "wgmma_s8:tile=128x144,stages=4,decomposition=stream_k,staging=1"});
}

void check(const std::vector<KernelConfig>& configs, const Target& target, const Strides& strides) {
  GpuProblem problem(target, strides, OperandSets::one, {.seed = 21}, gpu().kernels);
  for (const KernelConfig& config : configs) {
    INFO(describe(target.operation) << " " << format(config));
    require_legal(config, target);
    CHECK(problem.failure(gpu().load(config, target.operation), config) == "");
  }
}

// A residual takes two boxes of staging.
std::vector<KernelConfig> legal(std::vector<KernelConfig> configs, const Target& target) {
  std::erase_if(configs, [&](const KernelConfig& config) { return refusal(config, target).has_value(); });
  return configs;
}

// Four times as many 128x256 tiles as an H100 has SMs, the last ones ragged; fewer tiles than SMs; less than a box. K
// is so long that every cluster of an H100 has a part of it.
const std::vector<Gemm> kProblems = {{4429, 3848, 272}, {257, 264, 2832}, {70, 520, 4608}, {1, 8, 20480}};

}  // namespace

TEST_CASE("gpu: wgmma_s8: several tiles a CTA, ragged ones among them") {
  if (!is_hopper()) return;
  gpu().compiler.prepare(gpu().target(kProblems.front()), configs());
  for (const KernelConfig& config : configs())
    CHECK(launch_plan(config, gpu().target(kProblems.front())).grid <= gpu().device.sms);
  for (const Gemm& problem : kProblems) check(configs(), gpu().target(problem), packed_strides(problem));
}

TEST_CASE("gpu: wgmma_s8: every epilogue") {
  if (!is_hopper()) return;
  const Gemm problem{1000, 3088, 272};
  for (const Epilogue& epilogue : covering_epilogues()) {
    const Target target = gpu().target(problem, epilogue);
    CHECK(legal(configs(), target).size() > 5);
    gpu().compiler.prepare(target, legal(configs(), target));
  }
  for (const Epilogue& epilogue : covering_epilogues())
    check(legal(configs(), gpu().target(problem, epilogue)), gpu().target(problem, epilogue),
          packed_strides(with(problem, epilogue)));
}

TEST_CASE("gpu: wgmma_s8: rows of Y in boxes of 32 and 64 bytes, and one box of staging") {
  if (!is_hopper()) return;
  for (const char* epilogue : {"bias=f32", "out=f16", "out=f32,bias=f16", "out=s32"}) {
    for (const Gemm& problem : kProblems) {
      const Target target = gpu().target(problem, parse_epilogue(epilogue));
      gpu().compiler.prepare(target, narrow_configs());
      check(narrow_configs(), target, packed_strides(problem));
    }
    const Target apart = gpu().target({1000, 1544, 272}, parse_epilogue(epilogue));
    check(narrow_configs(), apart, GemmStrides{.x = 288, .w = 320, .y = 1560});
  }
}

TEST_CASE("gpu: wgmma_s8: rows apart: what lies between them is not touched") {
  if (!is_hopper()) return;
  for (const char* epilogue : {"bias=bf16", "out=f32"}) {
    const Target target = gpu().target({1000, 1544, 272}, parse_epilogue(epilogue));
    check(configs(), target, GemmStrides{.x = 288, .w = 320, .y = 1560});
  }
}

TEST_CASE("gpu: wgmma_s8: launches follow one another without a pause, and leave the workspace to the next") {
  if (!is_hopper()) return;
  const Target target = gpu().target(Gemm{1000, 1544, 1040});
  const auto problem = std::make_shared<GpuProblem>(target, packed_strides(gemm_of(target.operation)),
                                                    OperandSets::beyond_l2, Contents{.seed = 3}, gpu().kernels);
  std::vector<TimedEntry> entries;
  for (const KernelConfig& config : configs()) {
    const Kernel kernel = gpu().load(config);
    REQUIRE(problem->failure(kernel, config) == "");
    entries.push_back(problem->entry(kernel, config));
  }
  time_interleaved(entries, {.rounds = 3, .round_us = 1000});  // graphs of many launches
  for (const KernelConfig& config : configs()) CHECK(problem->failure(gpu().load(config), config) == "");
}
