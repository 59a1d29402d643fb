// SPDX-License-Identifier: Apache-2.0
// Conversions, against known roundings and against a slow formulation of what rounding is.
#include "emulation/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "catch.hpp"

using namespace ditune::emulation;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Format {
  int fraction_bits, exponent_bits;
};
constexpr Format kBf16{7, 8}, kF16{10, 5};

// Counts the steps between numbers of the value's binade. nearbyint rounds ties to even.
unsigned slow_conversion(float v, const Format& format) {
  if (std::isnan(v)) return 0x7fff;
  const int least = 2 - (1 << (format.exponent_bits - 1));  // exponent of the least normal number and of subnormals
  const unsigned infinity = ((1U << format.exponent_bits) - 1) << format.fraction_bits;
  const double magnitude = std::fabs(static_cast<double>(v));
  unsigned bits = infinity;
  if (!std::isinf(v)) {
    const int exponent = magnitude == 0 ? least : std::max(least, std::ilogb(magnitude));
    const double steps = std::nearbyint(std::ldexp(magnitude, format.fraction_bits - exponent));
    // A normal number's first step is its implicit bit, which adds one to the exponent field.
    bits = std::min(infinity,
                    (static_cast<unsigned>(exponent - least) << format.fraction_bits) + static_cast<unsigned>(steps));
  }
  return bits | (std::signbit(v) ? 0x8000U : 0U);
}

}  // namespace

TEST_CASE("floats round to the nearest bf16, ties to even") {
  CHECK(bf16_from_float(0.0f) == 0x0000);
  CHECK(bf16_from_float(-0.0f) == 0x8000);
  CHECK(bf16_from_float(1.0f) == 0x3f80);
  CHECK(bf16_from_float(1.0f + 0x1p-8f) == 0x3f80);             // tie, to even
  CHECK(bf16_from_float(1.0f + 0x1p-8f + 0x1p-23f) == 0x3f81);  // just above it
  CHECK(bf16_from_float(1.0f + 0x3p-8f) == 0x3f82);             // tie, to even
  CHECK(bf16_from_float(-1.0f - 0x3p-8f) == 0xbf82);
  CHECK(bf16_from_float(2.0f - 0x1p-23f) == 0x4000);  // into the next binade
  CHECK(bf16_from_float(0x1.fep127f) == 0x7f7f);      // the largest
  CHECK(bf16_from_float(0x1.fefffep127f) == 0x7f7f);
  CHECK(bf16_from_float(0x1.ffp127f) == 0x7f80);  // tie between it and what would follow: infinity
  CHECK(bf16_from_float(-std::numeric_limits<float>::max()) == 0xff80);
  CHECK(bf16_from_float(kInfinity) == 0x7f80);
  CHECK(bf16_from_float(0x1p-133f) == 0x0001);  // the least subnormal
  CHECK(bf16_from_float(0x1p-134f) == 0x0000);  // tie with zero
  CHECK(bf16_from_float(0x3p-135f) == 0x0001);
  CHECK(bf16_from_float(std::numeric_limits<float>::quiet_NaN()) == 0x7fff);
  CHECK(bf16_from_float(-std::numeric_limits<float>::quiet_NaN()) == 0x7fff);
}

TEST_CASE("floats round to the nearest fp16, ties to even") {
  CHECK(f16_from_float(0.0f) == 0x0000);
  CHECK(f16_from_float(-0.0f) == 0x8000);
  CHECK(f16_from_float(1.0f) == 0x3c00);
  CHECK(f16_from_float(1.0f + 0x1p-11f) == 0x3c00);             // tie, to even
  CHECK(f16_from_float(1.0f + 0x1p-11f + 0x1p-23f) == 0x3c01);  // just above it
  CHECK(f16_from_float(1.0f + 0x3p-11f) == 0x3c02);             // tie, to even
  CHECK(f16_from_float(-2.0f + 0x1p-23f) == 0xc000);            // into the next binade
  CHECK(f16_from_float(65504.0f) == 0x7bff);                    // the largest
  CHECK(f16_from_float(65519.996f) == 0x7bff);
  CHECK(f16_from_float(65520.0f) == 0x7c00);  // tie between it and what would follow: infinity
  CHECK(f16_from_float(-1e30f) == 0xfc00);
  CHECK(f16_from_float(-kInfinity) == 0xfc00);
  CHECK(f16_from_float(0x1p-14f) == 0x0400);             // the least normal number
  CHECK(f16_from_float(0x1p-14f - 0x1p-26f) == 0x0400);  // a subnormal that rounds up to it
  CHECK(f16_from_float(0x1p-24f) == 0x0001);             // the least subnormal
  CHECK(f16_from_float(0x1p-25f) == 0x0000);             // tie with zero
  CHECK(f16_from_float(0x1.000002p-25f) == 0x0001);
  CHECK(f16_from_float(0x3p-25f) == 0x0002);  // tie, to even
  CHECK(f16_from_float(-0x1p-149f) == 0x8000);
  CHECK(f16_from_float(std::numeric_limits<float>::quiet_NaN()) == 0x7fff);
}

TEST_CASE("conversions agree with the slow formulation around every number of 16 bits") {
  long long wrong = 0;
  for (unsigned high = 0; high < 0x10000; ++high) {
    // Exact, beside it, ties of either format and beside them.
    for (const unsigned low :
         {0x0000U, 0x0001U, 0x0fffU, 0x1000U, 0x1001U, 0x3000U, 0x5000U, 0x7fffU, 0x8000U, 0x8001U, 0xf000U, 0xffffU}) {
      const float v = float_of(high << 16 | low);
      wrong += bf16_from_float(v) != slow_conversion(v, kBf16);
      wrong += f16_from_float(v) != slow_conversion(v, kF16);
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("every fp16 number is a float, and comes back from it") {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<unsigned short>(bits);
    const int exponent = static_cast<int>(bits >> 10 & 31), fraction = static_cast<int>(bits & 1023);
    const float v = float_from_f16(half);
    CAPTURE(bits);
    if (exponent == 31 && fraction != 0) {
      REQUIRE(std::isnan(v));
      continue;
    }
    const double magnitude = exponent == 31  ? static_cast<double>(kInfinity)
                             : exponent == 0 ? std::ldexp(fraction, -24)
                                             : std::ldexp(1024 + fraction, exponent - 25);
    REQUIRE(std::fabs(static_cast<double>(v)) == magnitude);
    REQUIRE(std::signbit(v) == (bits >> 15 == 1));
    REQUIRE(f16_from_float(v) == bits);
  }
}

TEST_CASE("the maximum is NaN if an operand is, and +0 is more than -0") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(maximum(1.0f, 2.0f) == 2.0f);
  CHECK(maximum(2.0f, 1.0f) == 2.0f);
  CHECK(maximum(-kInfinity, -1.0f) == -1.0f);
  CHECK(std::isnan(maximum(nan, 1.0f)));
  CHECK(std::isnan(maximum(1.0f, nan)));
  CHECK(bits_of(maximum(0.0f, -0.0f)) == 0);
  CHECK(bits_of(maximum(-0.0f, 0.0f)) == 0);
  CHECK(bits_of(maximum(-0.0f, -0.0f)) == 0x80000000);
}
