// SPDX-License-Identifier: Apache-2.0
// The kind copy and its family copy_rows in the generator.
#pragma once

#include "copy/copy.hpp"
#include "copy_rows_config.cuh"
#include "generator/arguments.hpp"
#include "generator/cost_model.hpp"
#include "generator/family.hpp"

namespace ditune {

OperationText operation_text(const Copy& copy);

template <class Config>
std::int64_t stride_multiple(const Config&, const Copy&, const Operand&) {
  return 1;
}

template <class Config>
void check_sizes(const Config&, const Copy&) {}

inline void check_arguments(const Copy&, const CopyArgs&) {}

template <>
struct Family<CopyRowsConfig> {
  using Op = Copy;
  static std::optional<Rejection> refusal(const CopyRowsConfig& config, const TargetOf<Copy>& target);
  static std::vector<Candidate> candidates(const TargetOf<Copy>& target, Wanted wanted);
  static LaunchPlan launch_plan(const CopyRowsConfig& config, const Copy& copy, int) {
    return ditune::launch_plan(config, copy.m);
  }
  static Prediction predict(const CopyRowsConfig& config, const TargetOf<Copy>& target);
  static KernelParameter parameter(const CopyRowsConfig&, const Copy&, const CopyArgs& args, const EncodeTensorMap&) {
    return bytes_of(args);
  }
  static std::string_view parameter_type(const Copy&) { return "CopyArgs"; }
  static constexpr std::string_view kCtas = "1";
  static constexpr bool kTakesTensorMaps = false;
};

}  // namespace ditune
