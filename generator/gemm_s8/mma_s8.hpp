// SPDX-License-Identifier: Apache-2.0
// The family mma_s8 in the generator; templates/gemm_s8/mma_s8.cuh is the kernel.
#pragma once

#include <vector>

#include "generator/cost_model.hpp"
#include "generator/family.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "mma_s8_config.cuh"

namespace ditune {

template <>
struct Family<MmaS8Config> {
  using Op = Gemm;
  static std::optional<Rejection> refusal(const MmaS8Config& config, const GemmTarget& target);
  static std::vector<Candidate> candidates(const GemmTarget& target, Wanted wanted);
  static LaunchPlan launch_plan(const MmaS8Config& config, const Gemm& gemm, int sms);
  static Prediction predict(const MmaS8Config& config, const GemmTarget& target);
  static int k_multiple(const MmaS8Config& config) { return config.load; }
  static int n_multiple(const MmaS8Config&, const Epilogue&) { return 1; }
  static int ldy_multiple(const MmaS8Config&, Output) { return 1; }
  static int residual_multiple(const MmaS8Config&, const Epilogue&) { return 1; }
  static KernelParameter parameter(const MmaS8Config&, const Gemm& gemm, const FusedGemmArgs& args,
                                   const EncodeTensorMap&) {
    return gemm.epilogue.residual == Residual::none ? bytes_of(static_cast<const GemmArgs&>(args)) : bytes_of(args);
  }
  static std::string_view parameter_type(const Gemm& gemm) {
    return gemm.epilogue.residual == Residual::none ? "GemmArgs" : "FusedGemmArgs";
  }
  static constexpr std::string_view kCtas = "kConfig.ctas";
  static constexpr bool kTakesTensorMaps = false;
};

// Registers a thread will need: accumulators, fragments and addresses. An estimate; ptxas decides.
int estimated_registers(const MmaS8Config& config);

// CTAs that an SM holds at once, by shared memory, threads and the estimated registers.
int resident_ctas(const MmaS8Config& config, const GemmTarget& target);

// CTA tiles of the output, and steps of tile_k over K.
std::int64_t output_tiles(const MmaS8Config& config, const Gemm& gemm);
std::int64_t k_tiles(const MmaS8Config& config, const Gemm& gemm);

}  // namespace ditune
