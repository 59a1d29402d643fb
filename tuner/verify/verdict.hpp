// SPDX-License-Identifier: Apache-2.0
// What verification, wherever it runs, says of a config.
#pragma once

#include <cstdint>
#include <string>

#include "ditune/config.hpp"
#include "operand.cuh"
#include "tuner/verify/operand_case.hpp"

namespace ditune {

// One config of an operation against the reference.
struct Verdict {
  KernelConfig config;
  std::string failure;  // empty: every bit right, nothing written beside the output, the workspace left zero
  OperandCase failed = OperandCase::plain;  // the case that shows it
  bool ok() const { return failure.empty(); }
};

// Outputs that are not the reference's, and the first of them.
struct WrongOutputs {
  std::uint64_t count = 0;
  std::int64_t row = 0, column = 0;
  unsigned actual = 0, right = 0;  // bits
};

// "3 of 4096 outputs wrong, the first at row 2, column 5: 0x3f80 where 0x3f81 is right"
std::string describe(const WrongOutputs& wrong, const Operand& output);

}  // namespace ditune
