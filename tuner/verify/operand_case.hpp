// SPDX-License-Identifier: Apache-2.0
// The cases that verification runs every kernel on: how its operands lie in memory, and what they hold.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "generator/arguments.hpp"

namespace ditune {

enum class Values : unsigned char {
  random,   // every value an int8 has
  extreme,  // sums as large as K allows, and large parts that cancel: beyond what a float32 holds exactly
};

// What operands hold.
struct Contents {
  std::uint64_t seed = 0;
  Values values = Values::random;
};

enum class OperandCase : unsigned char {
  plain,    // rows right behind one another, random values
  padded,   // rows at multiples of 16 bytes, with a gap; pitches of inputs differ
  odd,      // rows as badly aligned as the config allows: it takes the smallest odd multiples of its loads
  extreme,  // extreme values
  far,      // rows so far apart that their offsets do not fit 32 bits
};

inline constexpr std::array kOperandCases{OperandCase::plain, OperandCase::padded, OperandCase::odd,
                                          OperandCase::extreme, OperandCase::far};
// In the order of the enum's values.
inline constexpr std::array<std::string_view, 5> kOperandCaseWords{"plain", "padded", "odd", "extreme", "far"};
constexpr std::string_view word(OperandCase which) { return kOperandCaseWords[static_cast<std::size_t>(which)]; }

// How far apart the rows of the case `far` are, in elements. In a span of 2^32 half of the rows begin beyond 2^31.
struct FarRows {
  std::int64_t span;   // from the first row to the last, about
  std::int64_t pitch;  // at most; an odd multiple of 16
};
// Addresses cost nothing: pitches are as large as they may be.
inline constexpr FarRows kFarOnHost{.span = std::int64_t{1} << 37, .pitch = kMaxExtent - 15};

// The strides of a case. The multiples are those of the config: see stride_multiples.
Strides strides_of(OperandCase which, const Operation& operation, const Strides& multiples,
                   const FarRows& far = kFarOnHost);

// Whether what lies between rows, of so many bytes and so far apart, is too much to be filled and looked at.
constexpr bool far_apart(std::size_t pitch, std::size_t bytes) { return pitch - bytes >= (std::size_t{1} << 16); }

inline Values values_of(OperandCase which) { return which == OperandCase::extreme ? Values::extreme : Values::random; }

// The seed of the order in which warps run: each case of a verification has another order.
inline std::uint64_t schedule_of(OperandCase which, std::uint64_t seed) {
  return seed + static_cast<std::uint64_t>(which) * 0x9e3779b97f4a7c15ULL;
}

}  // namespace ditune
