// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/operand_counts.hpp"

namespace ditune {
namespace {

// From the first element to the last of rows `stride` apart.
std::size_t span_of(std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  return static_cast<std::size_t>((rows - 1) * stride + columns);
}

}  // namespace

Strides packed_strides(const GemmProblem& problem) { return {problem.k, problem.k, problem.n}; }

std::size_t bias_bytes(Bias bias) {
  if (bias == Bias::none) return 0;
  return bias == Bias::f32 ? 4 : 2;
}

OperandCounts operand_counts(const GemmProblem& problem, const Epilogue& epilogue, const Strides& strides) {
  const bool scaled = epilogue.out != Output::s32;
  const auto m = static_cast<std::size_t>(problem.m), n = static_cast<std::size_t>(problem.n);
  return {
      .x = span_of(problem.m, problem.k, strides.x),
      .w = span_of(problem.n, problem.k, strides.w),
      .sx = !scaled                        ? 0
            : epilogue.sx == ScaleX::token ? m
                                           : 1,
      .sw = !scaled                          ? 0
            : epilogue.sw == ScaleW::channel ? n
                                             : 1,
      .bias = epilogue.bias == Bias::none ? 0 : n,
      .y = span_of(problem.m, problem.n, strides.y),
  };
}

std::size_t operand_bytes(const GemmProblem& problem, const Epilogue& epilogue, const Strides& strides) {
  const OperandCounts counts = operand_counts(problem, epilogue, strides);
  return counts.x + counts.w + 4 * (counts.sx + counts.sw) + counts.bias * bias_bytes(epilogue.bias) +
         counts.y * static_cast<std::size_t>(output_bytes(epilogue.out));
}

}  // namespace ditune
