// SPDX-License-Identifier: Apache-2.0
// The samples of all kinds.
#pragma once

#include <vector>

#include "kernels/gemm_s8/sample.hpp"
#include "kernels/quantize_s8/sample.hpp"

namespace ditune::test {

inline std::vector<KindSample> all_samples() { return {gemm_sample(), quantize_sample()}; }

inline std::vector<Operation> typical_operations() {
  std::vector<Operation> all;
  for (const KindSample& sample : all_samples()) all.insert(all.end(), sample.typical.begin(), sample.typical.end());
  return all;
}

inline std::vector<Case> covering_cases() {
  std::vector<Case> all;
  for (const KindSample& sample : all_samples()) {
    const std::vector<Case> cases = covering_cases(sample);
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

}  // namespace ditune::test
