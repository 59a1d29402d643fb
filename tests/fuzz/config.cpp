// SPDX-License-Identifier: Apache-2.0
// The text of a config: refused, or the same after being printed and read again, and judged for every kind of target.
#include "ditune/config.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "generator/cost_model.hpp"
#include "generator/launch_plan.hpp"
#include "generator/search_space.hpp"

using namespace ditune;

namespace {

constexpr int kMaxThreads = 1024;  // of a CTA

void judge(const KernelConfig& config, const Target& target) {
  if (const auto rejection = refusal(config, target)) {
    fuzz::require(!rejection->constraint.empty() && !rejection->reason.empty(), "a refusal says why");
    return;
  }
  const LaunchPlan plan = launch_plan(config, target);
  fuzz::require(plan.block >= 1 && plan.block <= kMaxThreads, "a legal config has a legal block");
  fuzz::require(plan.grid >= 1 && plan.grid <= kMaxGrid, "a legal config has a legal grid");
  fuzz::require(plan.cluster >= 1 && plan.grid % plan.cluster == 0, "a legal config has whole clusters");
  fuzz::require(plan.shared_bytes >= 0 && plan.shared_bytes <= target.device.shared_per_block,
                "a legal config fits into shared memory");
  fuzz::require(plan.workspace_bytes >= 0, "a workspace has a size");
  const double us = predict(config, target).total_us;
  fuzz::require(std::isfinite(us) && us > 0, "a legal config is predicted a time");
}

std::vector<Operation> operations() {
  std::vector<Operation> all;
  for (const Gemm& problem :
       {Gemm{1, 1, 1}, Gemm{1, 8, 16}, Gemm{6144, 13824, 4608}, Gemm{kMaxExtent, kMaxExtent, kMaxK}})
    for (const Output out : {Output::bf16, Output::s32})
      all.push_back(Gemm{problem.m, problem.n, problem.k, {.out = out}});
  for (const char* text : {"m=1,k=1", "m=6144,k=4608,residual=gate_rms,norm=rms,modulate=scale1,rotate=256",
                           "m=17,k=12288,split=3072,act=swiglu,out=bf16", "m=2147483647,k=131071,x=f32,norm=layer"})
    all.push_back(parse_operation(std::string("quantize_s8:") + text));
  return all;
}

void judge_everywhere(const KernelConfig& config) {
  static const std::vector<Operation> all = operations();
  for (const SmArch arch : {SmArch{80}, SmArch{89}, SmArch{90}, SmArch{120}})
    for (const int sms : {0, 1, std::numeric_limits<int>::max()})  // 0: as the card has
      for (const Operation& operation : all) {
        Target target{.operation = operation, .device = reference_device(arch)};
        if (sms > 0) target.device.sms = sms;
        judge(config, target);
      }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = fuzz::accepted([&] { return parse_config(fuzz::text_of(data, size)); });
  if (!config) return 0;
  const std::string canonical = format(*config);
  fuzz::require(parse_config(canonical) == *config, "a config is the same when it is read again");
  fuzz::require(canonical.starts_with(family_name(*config)), "a config's text begins with its family");
  judge_everywhere(*config);
  return 0;
}
