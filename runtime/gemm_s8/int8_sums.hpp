// SPDX-License-Identifier: Apache-2.0
// Exact int32 sums of products of int8 rows, as fast as the CPU has instructions for.
#pragma once

#include <cstdint>
#include <span>

namespace ditune {

inline constexpr int kSumRows = 4, kSumColumns = 4;

// Rows of X and of W, as many as there are sums.
struct Int8Rows {
  const signed char* x[kSumRows];
  const signed char* w[kSumColumns];
  long long k;
};

using Sums = std::int32_t[kSumRows][kSumColumns];

// The same sums by other instructions.
struct Int8Sums {
  const char* name;
  void (*of_four_rows)(const Int8Rows& rows, Sums& sums);
  void (*of_one_row)(const Int8Rows& rows, Sums& sums);  // x[0] and sums[0] alone
};

// Those that this CPU has, the fastest first.
std::span<const Int8Sums> int8_sums();

}  // namespace ditune
