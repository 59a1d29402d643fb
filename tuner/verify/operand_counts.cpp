// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/operand_counts.hpp"

namespace ditune {
namespace {

// From the first element to the last of rows `stride` apart.
std::size_t span_of(std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  return static_cast<std::size_t>((rows - 1) * stride + columns);
}

}  // namespace

Strides packed_strides(const Gemm& gemm) { return {gemm.k, gemm.k, gemm.n}; }

std::size_t bias_bytes(Bias bias) {
  if (bias == Bias::none) return 0;
  return bias == Bias::f32 ? 4 : 2;
}

OperandCounts operand_counts(const Gemm& gemm, const Strides& strides) {
  const bool scaled = gemm.epilogue.out != Output::s32;
  const auto m = static_cast<std::size_t>(gemm.m), n = static_cast<std::size_t>(gemm.n);
  return {
      .x = span_of(gemm.m, gemm.k, strides.x),
      .w = span_of(gemm.n, gemm.k, strides.w),
      .sx = !scaled                             ? 0
            : gemm.epilogue.sx == ScaleX::token ? m
                                                : 1,
      .sw = !scaled                               ? 0
            : gemm.epilogue.sw == ScaleW::channel ? n
                                                  : 1,
      .bias = gemm.epilogue.bias == Bias::none ? 0 : n,
      .y = span_of(gemm.m, gemm.n, strides.y),
  };
}

std::size_t operand_bytes(const Gemm& gemm, const Strides& strides) {
  const OperandCounts counts = operand_counts(gemm, strides);
  return counts.x + counts.w + 4 * (counts.sx + counts.sw) + counts.bias * bias_bytes(gemm.epilogue.bias) +
         counts.y * static_cast<std::size_t>(output_bytes(gemm.epilogue.out));
}

}  // namespace ditune
