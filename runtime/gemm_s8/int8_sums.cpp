// SPDX-License-Identifier: Apache-2.0
#include "runtime/gemm_s8/int8_sums.hpp"

#include <numeric>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace ditune {
namespace {

template <int kRows>
void plain_sums(const Int8Rows& rows, Sums& sums) {
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kSumColumns; ++c) {
      const signed char *const x = rows.x[r], *const w = rows.w[c];
      std::int32_t sum = 0;
      for (long long i = 0; i < rows.k; ++i) sum += x[i] * w[i];
      sums[r][c] = sum;
    }
  }
}

#ifdef __x86_64__

__attribute__((target("avx2"))) inline std::int32_t sum_of(__m256i parts) {
  std::int32_t part[8];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(part), parts);
  return std::accumulate(part, part + 8, std::int32_t{0});
}

// 16 values at a time, as 16 bits.
template <int kRows>
__attribute__((target("avx2"))) void avx2_sums(const Int8Rows& rows, Sums& sums) {
  __m256i all[kRows][kSumColumns] = {};
  long long i = 0;
  for (; i + 16 <= rows.k; i += 16) {
    __m256i x[kRows];
    for (int r = 0; r < kRows; ++r)
      x[r] = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.x[r] + i)));
    for (int c = 0; c < kSumColumns; ++c) {
      const __m256i w = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.w[c] + i)));
      for (int r = 0; r < kRows; ++r) all[r][c] = _mm256_add_epi32(all[r][c], _mm256_madd_epi16(x[r], w));
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kSumColumns; ++c) {
      sums[r][c] = sum_of(all[r][c]);
      for (long long j = i; j < rows.k; ++j) sums[r][c] += rows.x[r][j] * rows.w[c][j];
    }
  }
}

// The instruction multiplies unsigned by signed values: 128 is added to those of X, and 128 times the sum of W's
// subtracted. Sums wrap on the way, and wrap back: a part of the difference is at most a whole sum.
template <int kRows>
__attribute__((target("avx2,avx512f,avx512bw,avx512vnni"))) void vnni_sums(const Int8Rows& rows, Sums& sums) {
  const __m512i k128 = _mm512_set1_epi8(-128);
  __m512i all[kRows][kSumColumns] = {}, of_w[kSumColumns] = {};
  for (long long i = 0; i < rows.k; i += 64) {
    const __mmask64 inside = rows.k - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (rows.k - i)) - 1;
    __m512i x[kRows];
    for (int r = 0; r < kRows; ++r) x[r] = _mm512_xor_si512(_mm512_maskz_loadu_epi8(inside, rows.x[r] + i), k128);
    for (int c = 0; c < kSumColumns; ++c) {
      const __m512i w = _mm512_maskz_loadu_epi8(inside, rows.w[c] + i);
      of_w[c] = _mm512_dpbusd_epi32(of_w[c], k128, w);
      for (int r = 0; r < kRows; ++r) all[r][c] = _mm512_dpbusd_epi32(all[r][c], x[r], w);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kSumColumns; ++c) {
      std::int32_t part[16];
      _mm512_storeu_si512(part, _mm512_sub_epi32(all[r][c], of_w[c]));
      sums[r][c] = std::accumulate(part, part + 16, std::int32_t{0});
    }
  }
}

#endif

constexpr Int8Sums kAll[] = {
#ifdef __x86_64__
    {"vnni", vnni_sums<kSumRows>, vnni_sums<1>},
    {"avx2", avx2_sums<kSumRows>, avx2_sums<1>},
#endif
    {"plain", plain_sums<kSumRows>, plain_sums<1>},
};

}  // namespace

std::span<const Int8Sums> int8_sums() {
#ifdef __x86_64__
  const bool has_vnni = __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw");
  return std::span(kAll).subspan(has_vnni ? 0 : __builtin_cpu_supports("avx2") ? 1 : 2);
#else
  return kAll;
#endif
}

}  // namespace ditune
