// SPDX-License-Identifier: Apache-2.0
// What candidates are checked with: random operands, a plain GEMM of its own, a comparison on the device. Shares no
// code with the kernel families, so that a mistake of theirs cannot be here too; made to be obviously right, then fast
// enough.
#pragma once

#include "reference_args.cuh"

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

// ---- the reference GEMM

// Values of k that are in shared memory at once.
inline constexpr int kReferenceDepth = 64;
inline constexpr int kReferencePitch = kReferenceDepth / 4 + 1;  // words a row; odd: no two rows of 16 share a bank

using ReferenceOperand = int[kReferenceTile][kReferencePitch];

// Rows first_row.. and columns first_k.. of an operand, byte by byte: any stride will do. Zeros beyond its ends.
__device__ inline void load_operand(ReferenceOperand& tile, const signed char* base, long long stride, long long rows,
                                    long long k, long long first_row, long long first_k) {
  for (int i = threadIdx.x; i < kReferenceTile * kReferenceDepth; i += kReferenceThreads) {
    const int row = i / kReferenceDepth, column = i % kReferenceDepth;
    const bool inside = first_row + row < rows && first_k + column < k;
    const signed char value =
        inside ? base[(first_row + row) * stride + first_k + column] : static_cast<signed char>(0);
    reinterpret_cast<signed char*>(tile[row])[column] = value;
  }
}

__device__ inline float bias_at(const void* bias, Bias type, long long column) {
  switch (type) {
    case Bias::f32:
      return static_cast<const float*>(bias)[column];
    case Bias::bf16:
      return from_bf16(static_cast<const unsigned short*>(bias)[column]);
    default:
      return from_f16(static_cast<const unsigned short*>(bias)[column]);
  }
}

// The numerics contract, word for word.
__device__ inline void store_output(const ReferenceArgs& args, long long row, long long column, int acc) {
  const GemmArgs& gemm = args.gemm;
  const Epilogue& epilogue = args.epilogue;
  const long long at = row * gemm.ldy + column;
  if (epilogue.out == Output::s32) {
    static_cast<int*>(gemm.y)[at] = acc;
    return;
  }
  const float sx = gemm.sx[epilogue.sx == ScaleX::token ? row : 0];
  const float sw = gemm.sw[epilogue.sw == ScaleW::channel ? column : 0];
  float y = __fmul_rn(__fmul_rn(__int2float_rn(acc), sx), sw);
  if (epilogue.bias != Bias::none) y = __fadd_rn(y, bias_at(gemm.bias, epilogue.bias, column));
  switch (epilogue.out) {
    case Output::bf16:
      static_cast<unsigned short*>(gemm.y)[at] = to_bf16(y);
      break;
    case Output::f16:
      static_cast<unsigned short*>(gemm.y)[at] = to_f16(y);
      break;
    default:
      static_cast<float*>(gemm.y)[at] = y;
  }
}

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

// From -8 to 8, of the bias's type.
extern "C" __global__ void ditune_fill_bias(ditune::FillArgs args) {
  for (long long i = ditune::first_index(); i < args.count; i += ditune::index_stride()) {
    const float value = 16.0f * ditune::random_unit(ditune::random_bits(args.seed, i)) - 8.0f;
    if (args.type == ditune::Bias::f32) {
      static_cast<float*>(args.data)[i] = value;
    } else {
      static_cast<unsigned short*>(args.data)[i] =
          args.type == ditune::Bias::bf16 ? ditune::to_bf16(value) : ditune::to_f16(value);
    }
  }
}

// A CTA computes kReferenceTile x kReferenceTile outputs, a thread every 16th of 4 rows' and 4 columns' crossings.
extern "C" __global__ void __launch_bounds__(ditune::kReferenceThreads) ditune_reference(ditune::ReferenceArgs args) {
  using namespace ditune;
  __shared__ ReferenceOperand x, w;
  const GemmArgs& gemm = args.gemm;
  const long long tiles_m = (gemm.m + kReferenceTile - 1) / kReferenceTile;
  const long long first_row = blockIdx.x % tiles_m * kReferenceTile;
  const long long first_column = blockIdx.x / tiles_m * kReferenceTile;
  const int thread_row = threadIdx.x / 16, thread_column = threadIdx.x % 16;

  int acc[4][4] = {};
  for (long long k = 0; k < gemm.k; k += kReferenceDepth) {
    load_operand(x, gemm.x, gemm.ldx, gemm.m, gemm.k, first_row, k);
    load_operand(w, gemm.w, gemm.ldw, gemm.n, gemm.k, first_column, k);
    __syncthreads();
#pragma unroll 4
    for (int word = 0; word < kReferenceDepth / 4; ++word) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j)
          acc[i][j] = __dp4a(x[thread_row + 16 * i][word], w[thread_column + 16 * j][word], acc[i][j]);
      }
    }
    __syncthreads();
  }

#pragma unroll
  for (int i = 0; i < 4; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const long long row = first_row + thread_row + 16 * i, column = first_column + thread_column + 16 * j;
      if (row < gemm.m && column < gemm.n) store_output(args, row, column, acc[i][j]);
    }
  }
}

namespace ditune {

__device__ inline void report_difference(Difference* difference, long long index) {
  atomicAdd(&difference->count, 1ULL);
  atomicMax(&difference->first_complement, ~static_cast<unsigned long long>(index));
}

__device__ inline unsigned load_bits(const void* array, Output type, long long index) {
  if (type == Output::bf16 || type == Output::f16) return static_cast<const unsigned short*>(array)[index];
  return static_cast<const unsigned*>(array)[index];
}

// All ones in the exponent, not all zeros in the mantissa.
__device__ inline bool is_nan(unsigned bits, Output type) {
  switch (type) {
    case Output::bf16:
      return (bits & 0x7FFFu) > 0x7F80u;
    case Output::f16:
      return (bits & 0x7FFFu) > 0x7C00u;
    case Output::f32:
      return (bits & 0x7FFFFFFFu) > 0x7F800000u;
    default:
      return false;
  }
}

}  // namespace ditune

extern "C" __global__ void ditune_compare(ditune::CompareArgs args) {
  using namespace ditune;
  const unsigned poison = args.poison * (output_bytes(args.type) == 2 ? 0x0101u : 0x01010101u);
  const long long count = (args.m - 1) * args.ldy + args.n;
  for (long long i = first_index(); i < count; i += index_stride()) {
    const long long row = i / args.ldy, column = i % args.ldy;
    const unsigned actual = load_bits(args.actual, args.type, i);
    if (column >= args.n) {
      if (actual != poison) report_difference(args.difference, i);
      continue;
    }
    const unsigned expected = load_bits(args.expected, args.type, row * args.n + column);
    const bool both_nan = is_nan(actual, args.type) && is_nan(expected, args.type);
    if (actual != expected && !both_nan) report_difference(args.difference, i);
  }
}

extern "C" __global__ void ditune_check_uniform(ditune::UniformArgs args) {
  for (long long i = ditune::first_index(); i < args.bytes; i += ditune::index_stride())
    if (args.data[i] != args.value) ditune::report_difference(args.difference, i);
}
