// SPDX-License-Identifier: Apache-2.0
// The family registers_s8 in the generator; templates/quantize_s8/registers_s8.cuh is the kernel.
#pragma once

#include "generator/quantize_s8/quantize.hpp"
#include "registers_s8_config.cuh"

namespace ditune {

template <>
struct Family<RegistersS8Config> : QuantizeFamily<RegistersS8Config> {
  static std::optional<Rejection> refusal(const RegistersS8Config& config, const QuantizeTarget& target);
  static std::vector<Candidate> candidates(const QuantizeTarget& target, Wanted wanted);
  static LaunchPlan launch_plan(const RegistersS8Config& config, const Quantize& quantize, int sms) {
    return ditune::launch_plan(config, quantize.prologue, quantize.m, quantize.k, sms);
  }
  static Prediction predict(const RegistersS8Config& config, const QuantizeTarget& target);
};

}  // namespace ditune
