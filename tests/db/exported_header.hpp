// SPDX-License-Identifier: Apache-2.0
// Exported headers of made-up winners, and what programs that use them begin with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "db/export_header.hpp"
#include "db/fixtures.hpp"
#include "gemm.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "generator/launch_plan.hpp"
#include "lookup/serving.hpp"
#include "templates/embedded.hpp"

namespace ditune::test {

inline std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 3 * 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

inline TuningRecord current(TuningRecord record) {
  record.key.template_hash = template_hash(family_name(record.config));
  return record;
}

// Two M of a layer on two cards of one arch, one of them predicted, and another epilogue.
inline std::vector<TuningRecord> sample_records() {
  const TuningRecord small = current(measured_record({16, 4608, 4608}, 12));
  TuningRecord large = current(predicted_record({4096, 4608, 4608}, 345.5));
  large.config = parse_config("mma_s8:tile=64x128x64,warps=2x4,stages=3,split_k=2,load=4");
  TuningRecord other = current(measured_record({16, 4608, 4608}, 11));
  other.key.device = {.name = "NVIDIA RTX A6000", .sms = 84, .arch = {86}};
  TuningRecord biased = small;
  gemm_of(biased.key.operation).epilogue = parse_epilogue("sx=tensor,bias=bf16,out=f16");
  return {small, large, other, biased};
}

// A winner whose kernel takes tensor maps; by default, one that is launched in clusters.
inline TuningRecord hopper_record(const char* config = "wgmma_s8:tile=128x256,stages=3,cluster=2x1") {
  TuningRecord record = measured_record({4352, 4608, 4608}, 123);
  record.key.device = {.name = "NVIDIA H100 80GB HBM3", .sms = 132, .arch = {90}};
  record.config = parse_config(config);
  return current(record);
}

inline std::string made_up_ptx(const KernelConfig& config) {
  return ".version 8.0 // by " + std::to_string(k_multiple(config)) + "\n";
}

inline std::string exported(const std::vector<TuningRecord>& records, Embed embed) {
  return export_header(
             records,
             {.embed = embed, .cubin_of = [](const TuningRecord&) { return all_bytes(); }, .fallback_ptx = made_up_ptx})
      .header;
}

// What the probes begin with: operands that nobody touches, far from one another.
inline const std::string kArgs = R"(
#include "tuned.h"

namespace {
inline void* at(std::uintptr_t place) { return reinterpret_cast<void*>(place << 32); }

inline ditune_tuned::GemmArgs separate_args(long long m, long long n, long long k) {
  ditune_tuned::GemmArgs args{};
  args.x = static_cast<const signed char*>(at(1));
  args.w = static_cast<const signed char*>(at(2));
  args.y = at(3);
  args.sx = static_cast<const float*>(at(4));
  args.sw = static_cast<const float*>(at(5));
  args.m = m, args.n = n, args.k = args.ldx = args.ldw = k, args.ldy = n;
  return args;
}
}  // namespace
)";

// The launch plan of a record at another M, as the probes compare it.
inline std::string plan_defines(const TuningRecord& record, std::int64_t m) {
  Target target = target_of(record.key);
  gemm_of(target.operation).m = m;
  const LaunchPlan plan = launch_plan(record.config, target);
  std::string defines;
  defines += "#define PLAN_GRID " + std::to_string(plan.grid) + "\n";
  defines += "#define PLAN_CLUSTER " + std::to_string(plan.cluster) + "\n";
  defines += "#define PLAN_BLOCK " + std::to_string(plan.block) + "\n";
  defines += "#define PLAN_SHARED " + std::to_string(plan.shared_bytes) + "\n";
  defines += "#define PLAN_WORKSPACE " + std::to_string(plan.workspace_bytes) + "\n";
  defines += std::string("#define PLAN_DEPENDENT ") + (plan.dependent ? "true" : "false") + "\n";
  return defines;
}

}  // namespace ditune::test
