// SPDX-License-Identifier: Apache-2.0
// Short words of tests for operations that quantize.
#pragma once

#include <algorithm>

#include "ditune/operation.hpp"

namespace ditune::test {

inline const Quantize& quantize_of(const Operation& operation) { return std::get<Quantize>(operation); }

// With as many more columns as the prologue needs: one at least behind the split, and whole groups and
// heads.
inline Quantize with(Quantize quantize, const Prologue& prologue) {
  quantize.prologue = prologue;
  if (quantize.k <= prologue.split) quantize.k = prologue.split + 1;
  const int whole = std::max(prologue.rotate, prologue.head);
  quantize.k = (quantize.k + whole - 1) / whole * whole;
  return quantize;
}

}  // namespace ditune::test
