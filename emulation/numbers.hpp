// SPDX-License-Identifier: Apache-2.0
// Conversions as the hardware does them (PTX ISA, "cvt"): to nearest, ties to even; NaN is 0x7fff. And its maximum.
#pragma once

#include <cstring>

namespace ditune::emulation {

inline unsigned bits_of(float v) {
  unsigned bits;
  std::memcpy(&bits, &v, 4);
  return bits;
}

inline float float_of(unsigned bits) {
  float v;
  std::memcpy(&v, &bits, 4);
  return v;
}

// `bits` without the lowest `count` (1 to 31), to nearest, ties to even.
inline unsigned round_off(unsigned bits, int count) {
  const unsigned kept = bits >> count, rest = bits & ((1U << count) - 1), half = 1U << (count - 1);
  return kept + (rest > half || (rest == half && (kept & 1) != 0) ? 1 : 0);
}

inline unsigned short bf16_from_float(float v) {
  const unsigned bits = bits_of(v);
  if (v != v) return 0x7fff;
  return static_cast<unsigned short>(round_off(bits, 16));
}

inline unsigned short f16_from_float(float v) {
  const unsigned bits = bits_of(v), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (v != v) return 0x7fff;
  if (magnitude >= 0x477ff000) return static_cast<unsigned short>(sign | 0x7c00);  // 65520 rounds to infinity
  const int exponent = static_cast<int>(magnitude >> 23);                          // biased by 127; fp16's by 15
  if (exponent >= 113) return static_cast<unsigned short>(sign | (round_off(magnitude, 13) - (112U << 10)));
  if (exponent < 102) return static_cast<unsigned short>(sign);  // below half of the least subnormal, 2^-24
  return static_cast<unsigned short>(sign | round_off((magnitude & 0x7fffff) | 0x800000, 126 - exponent));
}

inline float float_from_f16(unsigned short v) {
  const unsigned sign = (v & 0x8000U) << 16, exponent = v >> 10 & 31, fraction = v & 1023U;
  if (exponent == 31) return float_of(sign | 0x7f800000 | fraction << 13);
  if (exponent != 0) return float_of(sign | (exponent + 112) << 23 | fraction << 13);
  const float magnitude = static_cast<float>(fraction) * 0x1p-24F;  // subnormal
  return sign != 0 ? -magnitude : magnitude;
}

// PTX ISA, "max" with .NaN: NaN if an operand is NaN; +0 is more than -0.
inline float maximum(float a, float b) {
  if (a != a || b != b) return float_of(0x7fffffff);
  return a > b || (a == b && bits_of(b) >> 31 != 0) ? a : b;
}

}  // namespace ditune::emulation
