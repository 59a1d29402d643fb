// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/verdict.hpp"

#include <fmt/format.h>

namespace ditune {

std::string describe(const WrongOutputs& wrong, const Operand& output) {
  const int digits = 2 * element_bytes(output.type);
  return fmt::format("{} of {} outputs wrong, the first at row {}, column {}: 0x{:0{}x} where 0x{:0{}x} is right",
                     wrong.count, output.extents.rows * output.extents.columns, wrong.row, wrong.column, wrong.actual,
                     digits, wrong.right, digits);
}

}  // namespace ditune
