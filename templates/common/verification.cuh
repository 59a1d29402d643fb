// SPDX-License-Identifier: Apache-2.0
// What candidates of any kind are checked with: random operands and a comparison on the device. Shares no code with the
// kernel families, so that a mistake of theirs cannot be here too; made to be obviously right, then fast enough.
#pragma once

#include "verification_args.cuh"

namespace ditune {

__device__ inline long long first_index() { return static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline long long index_stride() { return static_cast<long long>(gridDim.x) * blockDim.x; }

// ---- random operands

// SplitMix64's output function (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
__device__ inline unsigned long long random_bits(unsigned long long seed, long long index) {
  unsigned long long z = seed + 0x9E3779B97F4A7C15ULL * (static_cast<unsigned long long>(index) + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// In [0, 1): 24 random bits, all that a float holds.
__device__ inline float random_unit(unsigned long long bits) { return static_cast<float>(bits >> 40) * 0x1p-24f; }

// ---- conversions (PTX ISA, "cvt")

__device__ inline unsigned short to_bf16(float value) {
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
__device__ inline unsigned short to_f16(float value) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
__device__ inline float from_f16(unsigned short bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}
__device__ inline float from_bf16(unsigned short bits) { return __uint_as_float(static_cast<unsigned>(bits) << 16); }

}  // namespace ditune

// What absmax quantization makes of Gaussian rows, a standard deviation of 33 (how many bits flip decides the power
// drawn, so timing wants the real thing); one value in 64 is anything that an int8 holds.
extern "C" __global__ void ditune_fill_int8(ditune::FillArgs args) {
  signed char* data = static_cast<signed char*>(args.data);
  for (long long i = ditune::first_index(); i < args.count; i += ditune::index_stride()) {
    const unsigned long long bits = ditune::random_bits(args.seed, i);
    int sum = 0;  // of eight uniform bytes: mean 1020, standard deviation 209
    for (int byte = 0; byte < 8; ++byte) sum += static_cast<int>(bits >> (8 * byte) & 0xFF);
    const int gaussian = __float2int_rn(static_cast<float>(sum - 1020) * (33.0f / 209.0f));
    const bool anything = (bits >> 29 & 63) == 0;
    data[i] = static_cast<signed char>(anything ? static_cast<int>(bits & 0xFF) : max(-127, min(127, gaussian)));
  }
}

// Positive scales from 2^-9 to 2^-5 with random mantissas: outputs neither overflow fp16 nor vanish.
extern "C" __global__ void ditune_fill_scales(ditune::FillArgs args) {
  float* data = static_cast<float*>(args.data);
  for (long long i = ditune::first_index(); i < args.count; i += ditune::index_stride()) {
    const unsigned long long bits = ditune::random_bits(args.seed, i);
    const int exponent = -9 + static_cast<int>(bits & 3);
    data[i] = (1.0f + ditune::random_unit(bits)) * __int_as_float((127 + exponent) << 23);
  }
}

// From -8 to 8, of any floating-point type.
extern "C" __global__ void ditune_fill_addends(ditune::FillArgs args) {
  for (long long i = ditune::first_index(); i < args.count; i += ditune::index_stride()) {
    const float value = 16.0f * ditune::random_unit(ditune::random_bits(args.seed, i)) - 8.0f;
    if (args.type == ditune::Element::f32) {
      static_cast<float*>(args.data)[i] = value;
    } else {
      static_cast<unsigned short*>(args.data)[i] =
          args.type == ditune::Element::bf16 ? ditune::to_bf16(value) : ditune::to_f16(value);
    }
  }
}

// Whole numbers from 0 to `below`.
extern "C" __global__ void ditune_fill_indices(ditune::FillArgs args) {
  for (long long i = ditune::first_index(); i < args.count; i += ditune::index_stride()) {
    const unsigned long long bits = ditune::random_bits(args.seed, i);
    static_cast<int*>(args.data)[i] = static_cast<int>(bits % static_cast<unsigned long long>(args.below));
  }
}

namespace ditune {

__device__ inline void report_difference(Difference* difference, long long index) {
  atomicAdd(&difference->count, 1ULL);
  atomicMax(&difference->first_complement, ~static_cast<unsigned long long>(index));
}

__device__ inline unsigned load_bits(const void* array, Element type, long long index) {
  switch (element_bytes(type)) {
    case 1:
      return static_cast<const unsigned char*>(array)[index];
    case 2:
      return static_cast<const unsigned short*>(array)[index];
    default:
      return static_cast<const unsigned*>(array)[index];
  }
}

// All ones in the exponent, not all zeros in the mantissa.
__device__ inline bool is_nan(unsigned bits, Element type) {
  switch (type) {
    case Element::bf16:
      return (bits & 0x7FFFu) > 0x7F80u;
    case Element::f16:
      return (bits & 0x7FFFu) > 0x7C00u;
    case Element::f32:
      return (bits & 0x7FFFFFFFu) > 0x7F800000u;
    default:
      return false;
  }
}

}  // namespace ditune

extern "C" __global__ void ditune_compare(ditune::CompareArgs args) {
  using namespace ditune;
  const int bytes = element_bytes(args.type);
  const unsigned poison = args.poison * (bytes == 1 ? 1u : bytes == 2 ? 0x0101u : 0x01010101u);
  const long long count = (args.rows - 1) * args.stride + args.columns;
  for (long long i = first_index(); i < count; i += index_stride()) {
    const long long row = i / args.stride, column = i % args.stride;
    const unsigned actual = load_bits(args.actual, args.type, i);
    if (column >= args.columns) {
      if (actual != poison) report_difference(args.difference, i);
      continue;
    }
    const unsigned expected = load_bits(args.expected, args.type, row * args.columns + column);
    const bool both_nan = is_nan(actual, args.type) && is_nan(expected, args.type);
    if (actual != expected && !both_nan) report_difference(args.difference, i);
  }
}

extern "C" __global__ void ditune_check_uniform(ditune::UniformArgs args) {
  for (long long i = ditune::first_index(); i < args.bytes; i += ditune::index_stride())
    if (args.data[i] != args.value) ditune::report_difference(args.difference, i);
}
