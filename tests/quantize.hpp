// SPDX-License-Identifier: Apache-2.0
// Short words of tests for operations that quantize.
#pragma once

#include "ditune/operation.hpp"

namespace ditune::test {

inline const Quantize& quantize_of(const Operation& operation) { return std::get<Quantize>(operation); }

// With as many more columns as the prologue needs: one at least behind the split, and whole groups.
inline Quantize with(Quantize quantize, const Prologue& prologue) {
  quantize.prologue = prologue;
  if (quantize.k <= prologue.split) quantize.k = prologue.split + 1;
  quantize.k = (quantize.k + prologue.rotate - 1) / prologue.rotate * prologue.rotate;
  return quantize;
}

}  // namespace ditune::test
