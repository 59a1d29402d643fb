#include "tuner/host_operands.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <random>

#include "emulation/numbers.hpp"

namespace ditune {
namespace {

using Random = std::mt19937_64;

constexpr std::align_val_t kAlignment{kPointerAlignment};

// Powers of two, the last left out.
struct Magnitudes {
  int least, end;
};
// Sums of K products are 2^12 to 2^21; the product of two scales brings them around 1.
constexpr Magnitudes kScales{-12, -4};
constexpr Magnitudes kBias{-4, 8};

HostBuffer random_int8(std::size_t count, Random& random) {
  HostBuffer buffer(count);
  for (std::size_t at = 0; at < count; at += sizeof(std::uint64_t)) {
    const std::uint64_t bits = random();
    std::memcpy(buffer.data() + at, &bits, std::min(sizeof(bits), count - at));
  }
  return buffer;
}

// Any sign, any mantissa.
float random_float(Magnitudes magnitudes, Random& random) {
  const std::uint64_t bits = random();
  const auto range = static_cast<std::uint64_t>(magnitudes.end - magnitudes.least);
  const int exponent = magnitudes.least + static_cast<int>((bits >> 32) % range);
  return emulation::float_of((static_cast<unsigned>(bits) & 0x807fffffU) | static_cast<unsigned>(127 + exponent) << 23);
}

HostBuffer random_scales(std::size_t count, Random& random) {
  HostBuffer buffer(count * sizeof(float));
  for (std::size_t at = 0; at < buffer.bytes(); at += sizeof(float)) {
    const float value = random_float(kScales, random);
    std::memcpy(buffer.data() + at, &value, sizeof(value));
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

}  // namespace

HostBuffer::HostBuffer(std::size_t bytes)
    : data_(bytes == 0 ? nullptr : static_cast<std::byte*>(::operator new(bytes, kAlignment))), bytes_(bytes) {}

void HostBuffer::Free::operator()(std::byte* data) const { ::operator delete(data, kAlignment); }

HostOperands::HostOperands(const GemmProblem& problem, const Epilogue& epilogue, const Strides& strides,
                           std::uint64_t seed)
    : problem_(problem), strides_(strides) {
  const OperandCounts counts = operand_counts(problem, epilogue, strides);
  Random random(seed);
  x_ = random_int8(counts.x, random);
  w_ = random_int8(counts.w, random);
  sx_ = random_scales(counts.sx, random);
  sw_ = random_scales(counts.sw, random);
  bias_ = random_bias(counts.bias, epilogue.bias, random);
}

GemmArgs HostOperands::args() const {
  GemmArgs args = {};
  args.x = reinterpret_cast<const signed char*>(x_.data());
  args.w = reinterpret_cast<const signed char*>(w_.data());
  args.sx = reinterpret_cast<const float*>(sx_.data());
  args.sw = reinterpret_cast<const float*>(sw_.data());
  args.bias = bias_.data();
  args.m = problem_.m;
  args.n = problem_.n;
  args.k = problem_.k;
  args.ldx = strides_.x;
  args.ldw = strides_.w;
  args.ldy = strides_.y;
  return args;
}

std::vector<emulation::Region> HostOperands::regions() const {
  std::vector<emulation::Region> regions;
  const auto rows = [&](const char* name, const HostBuffer& buffer, std::int64_t count, std::int64_t pitch) {
    regions.push_back({.name = name,
                       .data = buffer.data(),
                       .row_bytes = static_cast<std::size_t>(problem_.k),
                       .rows = static_cast<std::size_t>(count),
                       .pitch = static_cast<std::size_t>(pitch)});
  };
  const auto whole = [&](const char* name, const HostBuffer& buffer) {
    if (buffer.bytes() > 0) regions.push_back({.name = name, .data = buffer.data(), .row_bytes = buffer.bytes()});
  };
  rows("x", x_, problem_.m, strides_.x);
  rows("w", w_, problem_.n, strides_.w);
  whole("sx", sx_);
  whole("sw", sw_);
  whole("bias", bias_);
  return regions;
}

}  // namespace ditune
