// SPDX-License-Identifier: Apache-2.0
// The family wgmma_s8 in the generator; templates/gemm_s8/wgmma_s8.cuh is the kernel.
#pragma once

#include <vector>

#include "generator/cost_model.hpp"
#include "generator/family.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "wgmma_s8_config.cuh"

namespace ditune {

template <>
struct Family<WgmmaS8Config> {
  using Op = Gemm;
  static std::optional<Rejection> refusal(const WgmmaS8Config& config, const GemmTarget& target);
  static std::vector<Candidate> candidates(const GemmTarget& target, Wanted wanted);
  static LaunchPlan launch_plan(const WgmmaS8Config& config, const Gemm& gemm, int sms);
  static Prediction predict(const WgmmaS8Config& config, const GemmTarget& target);
  // Rows of X and W, their scales and biases, and rows of Y are copied in pieces of 16 bytes.
  static int k_multiple(const WgmmaS8Config&) { return 16; }
  static int n_multiple(const WgmmaS8Config&, const Epilogue& epilogue) {
    return epilogue.op == EpilogueOp::swiglu && output_bytes(epilogue.out) == 2 ? 16 : 8;
  }
  static int ldy_multiple(const WgmmaS8Config&, Output out) { return 16 / output_bytes(out); }
  static int residual_multiple(const WgmmaS8Config&, const Epilogue& epilogue) {
    return epilogue.residual == Residual::none ? 1 : 16 / residual_bytes(epilogue.residual);
  }
  static KernelParameter parameter(const WgmmaS8Config& config, const Gemm& gemm, const FusedGemmArgs& args,
                                   const EncodeTensorMap& encode);
  static std::string_view parameter_type(const Gemm& gemm) {
    return gemm.epilogue.residual == Residual::none ? "TmaGemmArgs" : "TmaFusedGemmArgs";
  }
  static constexpr std::string_view kCtas = "1";
  static constexpr bool kTakesTensorMaps = true;
};

// Boxes of a residual that a warp copies ahead, at most.
inline constexpr int kMaxResidualStaging = 6;

// CTA tiles of the output, those that a cluster computes together, and steps over K.
std::int64_t output_tiles(const WgmmaS8Config& config, const Gemm& gemm);
std::int64_t cluster_tiles(const WgmmaS8Config& config, const Gemm& gemm);
std::int64_t k_steps(const Gemm& gemm);

// Clusters that the device runs at once.
std::int64_t resident_clusters(const WgmmaS8Config& config, const DeviceInfo& device);

}  // namespace ditune
