// SPDX-License-Identifier: Apache-2.0
// What operands in host memory hold.
#pragma once

#include <random>

#include "operand.cuh"
#include "tuner/verify/host_rows.hpp"
#include "tuner/verify/operand_case.hpp"

namespace ditune {

// Scales and addends are positive and negative floats of several magnitudes.
//   random   Factors are any int8, -128 and 127 among them; fp16 outputs do not overflow.
//   extreme  Rows take turns: all of one sign at the ends of the range (-128 against -128 is the largest sum there is),
//            signs that alternate, and halves that cancel but for a sum below 400, so that a part's rounding shows in
//            any output type. Scales are around 1, and a few are zero, subnormal or 2^40. So do rows of addends, of
//            which the first is as any: all zeros, one value infinite or NaN, subnormals.
void fill(const HostRows& rows, const Operand& operand, Values values, std::mt19937_64& random);

}  // namespace ditune
