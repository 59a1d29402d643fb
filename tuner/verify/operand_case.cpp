// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/operand_case.hpp"

#include <algorithm>

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

// A pitch of Y, of which N leaves no room for any other at the end of its range.
std::int64_t legal(std::int64_t pitch, std::int64_t columns) { return pitch <= kMaxExtent ? pitch : columns; }

}  // namespace

Strides strides_of(OperandCase which, const Gemm& gemm, const StrideMultiples& multiples, const FarRows& far) {
  const auto [m, n, k, epilogue] = gemm;
  switch (which) {
    case OperandCase::plain:
    case OperandCase::extreme:
      return packed_strides(gemm);
    case OperandCase::padded: {
      const std::int64_t x = round_up(k, kAligned) + kAligned;
      return {.x = x, .w = x + kAligned, .y = legal(round_up(n, kAligned) + kAligned, n)};
    }
    case OperandCase::odd: {
      const std::int64_t x = odd_multiple(k, multiples.k);
      return {.x = x, .w = x + 2 * multiples.k, .y = legal(odd_multiple(n, multiples.y), n)};
    }
    case OperandCase::far:
      return {.x = far_pitch(m, k, far), .w = far_pitch(n, k, far), .y = legal(far_pitch(m, n, far), n)};
  }
  return packed_strides(gemm);
}

}  // namespace ditune
