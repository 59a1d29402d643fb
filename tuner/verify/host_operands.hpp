// SPDX-License-Identifier: Apache-2.0
// Operands of a problem in host memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "emulation/emulate.hpp"
#include "gemm_args.cuh"
#include "tuner/verify/host_rows.hpp"
#include "tuner/verify/operand_case.hpp"

namespace ditune {

// All that a launch reads; scales and bias are positive and negative floats of several magnitudes.
//   random   X and W are any int8, -128 and 127 among them; fp16 outputs do not overflow.
//   extreme  Rows take turns: all of one sign at the ends of the range (-128 against -128 is the largest sum there is),
//            signs that alternate, and halves that cancel but for a sum below 400, so that a part's rounding shows in
//            any output type. Scales are around 1, and a few are zero, subnormal or 2^40.
class HostOperands {
 public:
  HostOperands(const Gemm& gemm, const Strides& strides, const Contents& contents);

  GemmArgs args() const;                           // null y and workspace
  std::vector<emulation::Region> regions() const;  // that an emulated kernel may read

 private:
  Gemm gemm_;
  Strides strides_;
  HostRows x_, w_;
  HostBuffer sx_, sw_, bias_;
};

}  // namespace ditune
