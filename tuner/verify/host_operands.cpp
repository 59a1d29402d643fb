// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/host_operands.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
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
constexpr Magnitudes kBias{-4, 8};

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

void fill_extreme_x(Row row, std::size_t index, Random& random) {
  switch (index % 4) {
    case 0:  // cancels against W's first kind, but for one product and what is in the middle of an odd K
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

void fill_extreme_w(Row row, std::size_t index, Random& random) {
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

// ---- scales and bias

HostBuffer random_scales(std::size_t count, bool extreme, Random& random) {
  // None makes an infinity or a NaN of a sum, whose bits are not defined.
  constexpr std::array kSpecial{0.0F, 0x1p-140F, -0x1p-130F, 0x1p40F};
  const Magnitudes magnitudes = extreme ? kExtremeScales : kScales;
  HostBuffer buffer(count * sizeof(float));
  for (std::size_t i = 0; i < count; ++i) {
    float value = random_float(magnitudes, random);
    if (extreme && i % 8 == 5) value = kSpecial[i / 8 % kSpecial.size()];
    std::memcpy(buffer.data() + i * sizeof(value), &value, sizeof(value));
  }
  return buffer;
}

HostBuffer random_bias(std::size_t count, Bias type, Random& random) {
  const std::size_t size = bias_bytes(type);
  HostBuffer buffer(count * size);
  for (std::size_t at = 0; at < buffer.bytes(); at += size) {
    const float value = random_float(kBias, random);
    const unsigned bits = type == Bias::f32    ? emulation::bits_of(value)
                          : type == Bias::bf16 ? emulation::bf16_from_float(value)
                                               : emulation::f16_from_float(value);
    std::memcpy(buffer.data() + at, &bits, size);  // little-endian, as the device
  }
  return buffer;
}

HostRows rows_of(std::int64_t rows, std::int64_t k, std::int64_t pitch) {
  return HostRows({.rows = static_cast<std::size_t>(rows),
                   .bytes = static_cast<std::size_t>(k),
                   .pitch = static_cast<std::size_t>(pitch)});
}

}  // namespace

HostOperands::HostOperands(const Gemm& gemm, const Strides& strides, const Contents& contents)
    : gemm_(gemm), strides_(strides), x_(rows_of(gemm.m, gemm.k, strides.x)), w_(rows_of(gemm.n, gemm.k, strides.w)) {
  const OperandCounts counts = operand_counts(gemm, strides);
  const bool extreme = contents.values == Values::extreme;
  Random random(contents.seed);
  fill_random(x_, random);
  fill_random(w_, random);
  if (extreme) {
    for (std::size_t i = 0; i < x_.shape().rows; ++i) fill_extreme_x(x_.row(i), i, random);
    for (std::size_t i = 0; i < w_.shape().rows; ++i) fill_extreme_w(w_.row(i), i, random);
  }
  sx_ = random_scales(counts.sx, extreme, random);
  sw_ = random_scales(counts.sw, extreme, random);
  bias_ = random_bias(counts.bias, gemm.epilogue.bias, random);
}

GemmArgs HostOperands::args() const {
  GemmArgs args = {};
  args.x = reinterpret_cast<const signed char*>(x_.data());
  args.w = reinterpret_cast<const signed char*>(w_.data());
  args.sx = reinterpret_cast<const float*>(sx_.data());
  args.sw = reinterpret_cast<const float*>(sw_.data());
  args.bias = bias_.data();
  args.m = gemm_.m;
  args.n = gemm_.n;
  args.k = gemm_.k;
  args.ldx = strides_.x;
  args.ldw = strides_.w;
  args.ldy = strides_.y;
  return args;
}

std::vector<emulation::Region> HostOperands::regions() const {
  std::vector<emulation::Region> regions;
  const auto rows = [&](const char* name, const HostRows& operand) {
    const RowShape& shape = operand.shape();
    regions.push_back(
        {.name = name, .data = operand.data(), .row_bytes = shape.bytes, .rows = shape.rows, .pitch = shape.pitch});
  };
  const auto whole = [&](const char* name, const HostBuffer& buffer) {
    if (buffer.bytes() > 0) regions.push_back({.name = name, .data = buffer.data(), .row_bytes = buffer.bytes()});
  };
  rows("x", x_);
  rows("w", w_);
  whole("sx", sx_);
  whole("sw", sw_);
  whole("bias", bias_);
  return regions;
}

}  // namespace ditune
