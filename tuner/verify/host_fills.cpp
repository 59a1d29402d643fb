// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/host_fills.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>

#include "emulation/numbers.hpp"

namespace ditune {
namespace {

using Random = std::mt19937_64;

// Powers of two, the last left out.
struct Magnitudes {
  int least, end;
};
// Sums of K products are 2^12 to 2^21; the product of two scales brings them around 1.
constexpr Magnitudes kScales{-12, -4};
// Sums that cancel are around 2^7; those that do not may overflow fp16.
constexpr Magnitudes kExtremeScales{-2, 2};
constexpr Magnitudes kAddends{-4, 8};

void fill_random(std::span<std::byte> bytes, Random& random) {
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t bits = random();
    std::memcpy(bytes.data() + at, &bits, std::min(sizeof(bits), bytes.size() - at));
  }
}

// What lies between rows, too: it is none of the kernel's to read.
void fill_random(const HostRows& rows, Random& random) {
  for (std::size_t i = 0; i < rows.shape().rows; ++i) fill_random(rows.row(i), random);
  for (const std::span<std::byte> gap : rows.beside()) fill_random(gap, random);
}

// Any sign, any mantissa.
float random_float(Magnitudes magnitudes, Random& random) {
  const std::uint64_t bits = random();
  const auto range = static_cast<std::uint64_t>(magnitudes.end - magnitudes.least);
  const int exponent = magnitudes.least + static_cast<int>((bits >> 32) % range);
  return emulation::float_of((static_cast<unsigned>(bits) & 0x807fffffU) | static_cast<unsigned>(127 + exponent) << 23);
}

// ---- extreme values

// 124 to 127: few of the sums are multiples of a power of two, which a float holds longer.
int large(Random& random) { return 127 - static_cast<int>(random() & 3); }

using Row = std::span<std::byte>;

template <class ValueAt>
void fill(Row row, ValueAt value_at) {
  for (std::size_t k = 0; k < row.size(); ++k) row[k] = static_cast<std::byte>(value_at(k));
}

void fill_alternating(Row row, Random& random) {
  fill(row, [&](std::size_t k) { return k % 2 == 0 ? large(random) : -large(random); });
}

// The second half is the first one backwards, times `sign`.
void fill_mirrored(Row row, int sign, Random& random) {
  fill(row, [&](std::size_t) { return large(random); });
  for (std::size_t k = 0; k < row.size() / 2; ++k)
    row[row.size() - 1 - k] = static_cast<std::byte>(sign * static_cast<signed char>(row[k]));
}

void fill_extreme_left(Row row, std::size_t index, Random& random) {
  switch (index % 4) {
    case 0:  // cancels against the right factor's first kind, but for one product and what is in the middle of an odd K
      fill_mirrored(row, -1, random);
      if (row.size() % 2 == 1) row[row.size() / 2] = std::byte{2};
      if (row.size() > 1) row.back() = static_cast<std::byte>(static_cast<signed char>(row.back()) + 1);
      return;
    case 1:
      return fill(row, [](std::size_t) { return 127; });
    case 2:
      return fill(row, [](std::size_t) { return -128; });
    default:
      return fill_alternating(row, random);
  }
}

void fill_extreme_right(Row row, std::size_t index, Random& random) {
  switch (index % 4) {
    case 0:
      return fill_mirrored(row, 1, random);
    case 1:
      return fill(row, [](std::size_t) { return -128; });
    case 2:
      return fill_alternating(row, random);
    default:
      return fill(row, [&](std::size_t) { return large(random); });
  }
}

// ---- scales and addends

void fill_scales(Row row, bool extreme, Random& random) {
  // None makes an infinity or a NaN of a sum, whose bits are not defined.
  constexpr std::array kSpecial{0.0F, 0x1p-140F, -0x1p-130F, 0x1p40F};
  const Magnitudes magnitudes = extreme ? kExtremeScales : kScales;
  for (std::size_t i = 0; i < row.size() / sizeof(float); ++i) {
    float value = random_float(magnitudes, random);
    if (extreme && i % 8 == 5) value = kSpecial[i / 8 % kSpecial.size()];
    std::memcpy(row.data() + i * sizeof(value), &value, sizeof(value));
  }
}

void store(Row row, std::size_t index, Element type, float value) {
  const auto size = static_cast<std::size_t>(element_bytes(type));
  const unsigned bits = type == Element::f32    ? emulation::bits_of(value)
                        : type == Element::bf16 ? emulation::bf16_from_float(value)
                                                : emulation::f16_from_float(value);
  std::memcpy(row.data() + index * size, &bits, size);  // little-endian, as the device
}

// Times `scale`.
void fill_addends(Row row, Element type, float scale, Random& random) {
  for (std::size_t i = 0; i < row.size() / static_cast<std::size_t>(element_bytes(type)); ++i)
    store(row, i, type, random_float(kAddends, random) * scale);
}

void fill_extreme_addends(Row row, std::size_t index, Element type, Random& random) {
  constexpr std::array kNoNumbers{std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                                  -std::numeric_limits<float>::infinity()};
  switch (index % 4) {
    case 1:
      std::ranges::fill(row, std::byte{0});
      return;
    case 2:
      fill_addends(row, type, 1, random);
      return store(row, random() % (row.size() / static_cast<std::size_t>(element_bytes(type))), type,
                   kNoNumbers[random() % kNoNumbers.size()]);
    case 3:  // subnormal, most of them
      return fill_addends(row, type, type == Element::f16 ? 0x1p-20F : 0x1p-130F, random);
    default:
      return fill_addends(row, type, 1, random);
  }
}

void fill_indices(Row row, long long below, Random& random) {
  for (std::size_t at = 0; at < row.size(); at += sizeof(std::int32_t)) {
    const auto index = static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(below));
    std::memcpy(row.data() + at, &index, sizeof(index));
  }
}

}  // namespace

void fill(const HostRows& rows, const Operand& operand, Values values, std::mt19937_64& random) {
  const bool extreme = values == Values::extreme;
  const auto each_row = [&](auto fill_row) {
    for (std::size_t i = 0; i < rows.shape().rows; ++i) fill_row(rows.row(i), i);
  };
  switch (operand.fill) {
    case Fill::none:
      return;
    case Fill::index:
      return each_row([&](Row row, std::size_t) { fill_indices(row, operand.below, random); });
    case Fill::left:
      fill_random(rows, random);
      if (extreme) each_row([&](Row row, std::size_t i) { fill_extreme_left(row, i, random); });
      return;
    case Fill::right:
      fill_random(rows, random);
      if (extreme) each_row([&](Row row, std::size_t i) { fill_extreme_right(row, i, random); });
      return;
    case Fill::scale:
      return each_row([&](Row row, std::size_t) { fill_scales(row, extreme, random); });
    case Fill::addend:
      return each_row([&](Row row, std::size_t i) {
        extreme ? fill_extreme_addends(row, i, operand.type, random) : fill_addends(row, operand.type, 1, random);
      });
  }
}

}  // namespace ditune
