// SPDX-License-Identifier: Apache-2.0
// The shape of one GEMM: acc[m,n] = sum_k X[m,k] * W[n,k], X and W int8 row-major, acc int32.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace ditune {

struct GemmProblem {
  std::int64_t m = 0, n = 0, k = 0;
  auto operator<=>(const GemmProblem&) const = default;
};

inline constexpr std::int64_t kMaxK = 131071;           // 2^14 * K stays below 2^31: the int32 sum is exact
inline constexpr std::int64_t kMaxExtent = 2147483647;  // of M and N: a row or column index fits an int

// Throws UsageError unless 1 <= m, n <= kMaxExtent and 1 <= k <= kMaxK.
void validate(const GemmProblem& problem);

// "6144x13824x4608": M, N, K. parse throws UsageError and returns a valid problem only.
std::string format(const GemmProblem& problem);
GemmProblem parse_problem(std::string_view text);

// Multiply-adds count as two operations.
double operations(const GemmProblem& problem);

// 10^12 operations a second.
double tops(const GemmProblem& problem, double microseconds);

// What an operation costs on a card that draws `power_w` watts while the GEMM runs.
double picojoules_an_operation(const GemmProblem& problem, double microseconds, double power_w);

}  // namespace ditune
