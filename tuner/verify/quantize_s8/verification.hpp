// SPDX-License-Identifier: Apache-2.0
// The kind quantize_s8 in verification.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ditune/config.hpp"
#include "quantize_reference_args.cuh"
#include "runtime/quantize_s8/plain_quantize.hpp"
#include "tuner/verify/verification.hpp"

namespace ditune {

template <>
struct Verification<Quantize> {
  static Outputs plain(const Quantize& quantize, const QuantizeArgs& args) {
    return plain_quantize(args, quantize.prologue);
  }

  static constexpr std::string_view kReferenceFile = "quantize_reference.cuh",
                                    kReferenceKernel = "ditune_quantize_reference";
  static QuantizeReferenceArgs reference_parameter(const Quantize& quantize, const QuantizeArgs& args) {
    return {args, quantize.prologue};
  }
  static long long reference_ctas(const Quantize& quantize) { return quantize.m; }

  // The same K, and a few rows more than a CTA has, or than all have that run at once: a persistent one goes on.
  template <class Config>
  static Quantize emulated(const Quantize& quantize, const Config& config) {
    std::int64_t rows = 3;
    if constexpr (requires { config.rows; }) rows = 2 * config.rows + 1;
    if constexpr (requires { config.stages; }) rows = config.ctas + 2;
    if constexpr (requires { config.schedule; })
      if (config.schedule == RowSchedule::persistent) rows = (config.ctas + 1) * config.rows + 1;
    return {.m = std::min(quantize.m, rows), .k = quantize.k, .prologue = quantize.prologue};
  }

  template <class Config>
  static int emulated_sms(const Config&) {
    return 1;
  }
};

}  // namespace ditune
