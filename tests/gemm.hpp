// SPDX-License-Identifier: Apache-2.0
// Short words of tests for operations that are GEMMs.
#pragma once

#include "ditune/operation.hpp"

namespace ditune::test {

inline const Gemm& gemm_of(const Operation& operation) { return std::get<Gemm>(operation); }

inline Gemm& gemm_of(Operation& operation) { return std::get<Gemm>(operation); }

inline Gemm with(Gemm gemm, const Epilogue& epilogue) {
  gemm.epilogue = epilogue;
  return gemm;
}

}  // namespace ditune::test
