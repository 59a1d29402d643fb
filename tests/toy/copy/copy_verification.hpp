// SPDX-License-Identifier: Apache-2.0
// The kind copy in verification.
#pragma once

#include <algorithm>

#include "copy/copy.hpp"
#include "tuner/verify/verification.hpp"

namespace ditune {

template <>
struct Verification<Copy> {
  static Outputs plain(const Copy& copy, const CopyArgs& args);
  static constexpr std::string_view kReferenceFile = "copy_reference.cuh", kReferenceKernel = "ditune_copy_reference";
  static CopyReferenceArgs reference_parameter(const Copy& copy, const CopyArgs& args) { return {args, copy.type}; }
  static long long reference_ctas(const Copy& copy) { return copy.m; }
  template <class Config>
  static Copy emulated(const Copy& copy, const Config& config) {
    return {std::min<std::int64_t>(copy.m, 2 * config.rows + 1), std::min<std::int64_t>(copy.k, 100), copy.type};
  }
  template <class Config>
  static int emulated_sms(const Config&) {
    return 1;
  }
};

}  // namespace ditune
