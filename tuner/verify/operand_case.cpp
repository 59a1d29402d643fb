// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/operand_case.hpp"

#include <algorithm>
#include <vector>

namespace ditune {
namespace {

constexpr std::int64_t kAligned = 16;  // a multiple of what any config loads or stores at once

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Rows of an even number of pieces are aligned to two of them.
std::int64_t odd_multiple(std::int64_t beyond, std::int64_t multiple) {
  return ((beyond / multiple + 1) | 1) * multiple;
}

// Not a power of two, by which wrapped offsets would fall on other rows.
std::int64_t far_pitch(std::int64_t rows, std::int64_t columns, const FarRows& far) {
  const std::int64_t least = round_up(columns, kAligned) + kAligned;
  return std::max(least, std::min(far.pitch, odd_multiple(far.span / rows, kAligned)));
}

// `before`: strided operands that come first in the table. Their strides differ: an output is none of the inputs.
std::int64_t stride_of(OperandCase which, const Operand& operand, std::int64_t multiple, int before,
                       const FarRows& far) {
  const auto [rows, columns, stride, name] = operand.extents;
  switch (which) {
    case OperandCase::plain:
    case OperandCase::extreme:
      return columns;
    case OperandCase::padded:
      return round_up(columns, kAligned) + (1 + before) * kAligned;
    case OperandCase::odd:
      return odd_multiple(columns, multiple) + 2 * before * multiple;
    case OperandCase::far:
      return far_pitch(rows, columns, far);
  }
  return columns;
}

}  // namespace

Strides strides_of(OperandCase which, const Operation& operation, const Strides& multiples, const FarRows& far) {
  Strides strides = packed_strides(operation);
  const std::vector<Operand> operands = operands_of(operation, arguments_of(operation));
  int before = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!operands[i].extents.stride_name) continue;
    const std::int64_t stride = stride_of(which, operands[i], multiples.of.at(i), before++, far);
    if (stride <= kMaxExtent) strides.of.at(i) = stride;  // the longest rows leave no room for another one
  }
  return strides;
}

}  // namespace ditune
