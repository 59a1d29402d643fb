// SPDX-License-Identifier: Apache-2.0
// Short words of tests for operations that are GEMMs.
#pragma once

#include "ditune/operation.hpp"

namespace ditune::test {

inline const Gemm& gemm_of(const Operation& operation) { return std::get<Gemm>(operation); }

inline Gemm& gemm_of(Operation& operation) { return std::get<Gemm>(operation); }

// With as many more columns as the epilogue needs: pairs of them for swiglu, and one at least behind `from`.
inline Gemm with(Gemm gemm, const Epilogue& epilogue) {
  gemm.epilogue = epilogue;
  if (gemm.n <= epilogue.from) gemm.n = epilogue.from + 1;
  if (epilogue.op == EpilogueOp::swiglu) gemm.n += gemm.n % 2;
  return gemm;
}

}  // namespace ditune::test
