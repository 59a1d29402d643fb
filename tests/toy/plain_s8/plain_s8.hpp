// SPDX-License-Identifier: Apache-2.0
// The family plain_s8 in the generator.
#pragma once

#include "generator/cost_model.hpp"
#include "generator/family.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "plain_s8_config.cuh"

namespace ditune {

template <>
struct Family<PlainS8Config> {
  using Op = Gemm;
  static std::optional<Rejection> refusal(const PlainS8Config& config, const GemmTarget& target);
  static std::vector<Candidate> candidates(const GemmTarget& target, Wanted wanted);
  static LaunchPlan launch_plan(const PlainS8Config& config, const Gemm& gemm, int sms) {
    return ditune::launch_plan(config, gemm.epilogue, gemm.m, gemm.n, sms);
  }
  static Prediction predict(const PlainS8Config& config, const GemmTarget& target);
  static int k_multiple(const PlainS8Config&) { return 1; }
  static int n_multiple(const PlainS8Config&, const Epilogue&) { return 1; }
  static int ldy_multiple(const PlainS8Config&, Output) { return 1; }
  static int residual_multiple(const PlainS8Config&, const Epilogue&) { return 1; }
  static KernelParameter parameter(const PlainS8Config&, const Gemm&, const FusedGemmArgs& args,
                                   const EncodeTensorMap&) {
    return bytes_of(static_cast<const GemmArgs&>(args));
  }
  static std::string_view parameter_type(const Gemm&) { return "GemmArgs"; }
  static constexpr std::string_view kCtas = "1";
  static constexpr bool kTakesTensorMaps = false;
};

}  // namespace ditune
