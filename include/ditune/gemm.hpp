// SPDX-License-Identifier: Apache-2.0
// The kind gemm_s8: Y = epilogue(X W^T). acc[m,n] = sum_k X[m,k] * W[n,k], X and W int8 row-major, acc int32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "ditune/epilogue.hpp"

namespace ditune {

struct Gemm {
  std::int64_t m = 0, n = 0, k = 0;
  Epilogue epilogue = {};
  bool operator==(const Gemm&) const = default;
};

// Y is [m, output_columns].
constexpr std::int64_t output_columns(const Gemm& gemm) { return output_columns(gemm.epilogue, gemm.n); }

inline constexpr std::int64_t kMaxK = 131071;           // 2^14 * K stays below 2^31: the int32 sum is exact
inline constexpr std::int64_t kMaxExtent = 2147483647;  // of M and N: a row or column index fits an int

// Throws UsageError unless 1 <= m, n <= kMaxExtent and 1 <= k <= kMaxK, and the epilogue is legal and fits: its `from`
// is one of the columns, and with swiglu n is even.
void validate(const Gemm& gemm);

// Rows of a gate and an up matrix as op=swiglu takes them: gate 0, up 0, gate 1, ... Rows of `row_bytes` bytes: of W,
// or single values of its scales and bias. Throws UsageError unless gate and up are as long, whole rows, and `both`
// is as long as the two and apart from them.
void interleave(std::span<const std::byte> gate, std::span<const std::byte> up, std::span<std::byte> both,
                std::size_t row_bytes);

// "6144x13824x4608": M, N, K. parse_shape throws UsageError and returns a valid problem only, of the default epilogue.
std::string format_shape(const Gemm& gemm);
Gemm parse_shape(std::string_view text);

}  // namespace ditune
