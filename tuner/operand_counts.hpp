// How large the operands of a problem are.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ditune/epilogue.hpp"
#include "ditune/problem.hpp"

namespace ditune {

// In elements.
struct Strides {
  std::int64_t x = 0, w = 0, y = 0;
};

// Rows right behind one another, as models store them.
Strides packed_strides(const GemmProblem& problem);

// How many values each operand holds, from the first to the last that a kernel may touch.
struct OperandCounts {
  std::size_t x, w, sx, sw, bias, y;
};
OperandCounts operand_counts(const GemmProblem& problem, const Epilogue& epilogue, const Strides& strides);

// Of one value; 0 where there is no bias.
std::size_t bias_bytes(Bias bias);

// Bytes that one launch reads and writes.
std::size_t operand_bytes(const GemmProblem& problem, const Epilogue& epilogue, const Strides& strides);

}  // namespace ditune
