// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm_s8/sample.hpp"

#include <algorithm>

#include "catch.hpp"
#include "gemm.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("some GEMM of the sample has one row and one column") {
  CHECK(std::ranges::any_of(covering_cases(gemm_sample()), [](const Case& one) {
    return gemm_of(one.target.operation).n == 1 && rows(one.target.operation) == 1;
  }));
}

TEST_CASE("extreme values of a GEMM have sums that a float does not hold") {
  for (const Case& one : covering_cases(gemm_sample()))
    if (one.operands == OperandCase::extreme) CHECK(gemm_of(one.target.operation).k > 2048);
}
