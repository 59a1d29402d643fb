// SPDX-License-Identifier: Apache-2.0
// How large the operands of a problem are.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "ditune/gemm.hpp"

namespace ditune {

// In elements.
struct Strides {
  std::int64_t x = 0, w = 0, y = 0;
  auto operator<=>(const Strides&) const = default;
};

// Rows right behind one another, as models store them.
Strides packed_strides(const Gemm& gemm);

// How many values each operand holds, from the first to the last that a kernel may touch.
struct OperandCounts {
  std::size_t x, w, sx, sw, bias, y;
};
OperandCounts operand_counts(const Gemm& gemm, const Strides& strides);

// Of one value; 0 where there is no bias.
std::size_t bias_bytes(Bias bias);

// Whether what lies between rows, of so many bytes and so far apart, is too much to be filled and looked at.
constexpr bool far_apart(std::size_t pitch, std::size_t bytes) { return pitch - bytes >= (std::size_t{1} << 16); }

// Bytes that one launch reads and writes.
std::size_t operand_bytes(const Gemm& gemm, const Strides& strides);

}  // namespace ditune
