// SPDX-License-Identifier: Apache-2.0
// What candidates of the kind quantize_s8 are compared with: a CTA for each row, which computes what it needs of a
// column again each time, from global memory. It shares no code with the kernel families but the functions of
// activation.cuh and the hardware's arithmetic, so that a mistake of theirs cannot be here too; made to be obviously
// right, then fast enough. Outputs never lie where inputs do.
#pragma once

#include "activation.cuh"
#include "quantize_reference_args.cuh"
#include "verification_args.cuh"

namespace ditune {
namespace quantize_reference {

// Sums of octets that are in shared memory at once: half of the most that a row has.
inline constexpr int kSums = 8192;

struct Shared {
  float sums[kSums];
  float columns[kVerificationThreads];
};

// A row, and what its norms have found by now.
struct Row {
  const QuantizeArgs& args;
  const Prologue& prologue;
  long long m, table;  // of g, s and t
  float branch_factor, mean, factor;
};

__device__ inline float value_at(const void* array, InputType type, long long at) {
  if (type == InputType::f32) return static_cast<const float*>(array)[at];
  const unsigned short half = static_cast<const unsigned short*>(array)[at];
  return type == InputType::bf16 ? float_from_bits(static_cast<unsigned>(half) << 16) : float_from_f16(half);
}

__device__ inline unsigned short half_of(float v, bool is_bf16) {
  return static_cast<unsigned short>((is_bf16 ? pack_bf16(v, 0.0f) : pack_f16(v, 0.0f)) & 0xffffu);
}

__device__ inline float parameter_at(const Row& row, const void* array, long long at) {
  return value_at(array, row.prologue.parameters == ParameterType::f32 ? InputType::f32 : row.prologue.x, at);
}

__device__ inline float table_at(const Row& row, const void* array, long long k) {
  return parameter_at(row, array, row.table * row.args.ldt + k);
}

// ---- sums of an octet

__device__ inline float octet_sum(const float (&v)[8]) {
  return add(add(add(v[0], v[1]), add(v[2], v[3])), add(add(v[4], v[5]), add(v[6], v[7])));
}

__device__ inline float octet_squares(const float (&v)[8]) {
  float p[4];
  for (int i = 0; i < 4; ++i) p[i] = multiply_add(v[2 * i], v[2 * i], multiply(v[2 * i + 1], v[2 * i + 1]));
  return add(add(p[0], p[1]), add(p[2], p[3]));
}

// ---- the numerics contract, step by step, of column k

// Column k of the `columns` columns that a buffer makes.
__device__ inline float column_of(const Row& row, const void* array, long long stride, long long columns, long long k) {
  const InputType type = row.prologue.x;
  const long long first = row.m * stride;
  if (row.prologue.act == Activation::swiglu)
    return multiply(silu(value_at(array, type, first + k)), value_at(array, type, first + columns + k));
  if (row.prologue.act == Activation::swiglu_interleaved)
    return multiply(silu(value_at(array, type, first + 2 * k)), value_at(array, type, first + 2 * k + 1));
  return value_at(array, type, first + k);
}

__device__ inline float input(const Row& row, long long k) {
  const QuantizeArgs& args = row.args;
  const long long split = row.prologue.split;
  if (split == 0) return column_of(row, args.x, args.ldx, args.k, k);
  if (k < split) return value_at(args.x, row.prologue.x, row.m * args.ldx + k);
  return column_of(row, args.x2, args.ldx2, args.k - split, k - split);
}

__device__ inline float branch(const Row& row, long long k) {
  return value_at(row.args.y, row.prologue.x, row.m * row.args.ldy + k);
}

// With the branch; as h has it.
__device__ inline float joined(const Row& row, long long k) {
  const Prologue& prologue = row.prologue;
  float v = input(row, k);
  if (prologue.residual == Branch::none) return v;
  const float y = branch(row, k);
  if (prologue.residual == Branch::add) {
    v = add(v, y);
  } else if (prologue.residual == Branch::gate) {
    v = multiply_add(table_at(row, row.args.g, k), y, v);
  } else {
    const float gate = multiply(table_at(row, row.args.g, k), parameter_at(row, row.args.w1, k));
    v = multiply_add(gate, multiply(y, row.branch_factor), v);
  }
  if (prologue.x == InputType::f32) return v;
  const unsigned short h = half_of(v, prologue.x == InputType::bf16);
  return value_at(&h, prologue.x, 0);
}

__device__ inline float centered(const Row& row, long long k) {
  const float v = joined(row, k);
  return row.prologue.norm == Norm::layer ? add(v, -row.mean) : v;
}

// Of the head that column k is of, all of them below K.
__device__ inline float head_factor(const Row& row, long long k) {
  const int head = row.prologue.head;
  float sums[32];
  for (int octet = 0; octet < head / 8; ++octet) {
    float v[8];
    for (int i = 0; i < 8; ++i) v[i] = joined(row, k / head * head + 8 * octet + i);
    sums[octet] = octet_squares(v);
  }
  for (int half = head / 16; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) sums[i] = add(sums[i], sums[i + half]);
  return divide(1.0f, square_root(add(divide(sums[0], to_float(head)), row.args.eps)));
}

__device__ inline float normed(const Row& row, long long k) {
  const float v = centered(row, k);
  if (row.prologue.norm == Norm::rms_head) return multiply(v, head_factor(row, k));
  return row.prologue.norm == Norm::none ? v : multiply(v, row.factor);
}

// 1 where there is no modulation.
__device__ inline float modulation(const Row& row, long long k) {
  if (row.prologue.modulate == Modulation::none) return 1.0f;
  const float s = table_at(row, row.args.s, k);
  return row.prologue.modulate == Modulation::scale ? s : add(1.0f, s);
}

// By the norm's weight and bias and the modulation. A factor of 1 changes nothing, nor does a term of -0.
__device__ inline float modulated(const Row& row, long long k) {
  const Prologue& prologue = row.prologue;
  const float m = modulation(row, k);
  float factor = m, term = -0.0f;
  if (prologue.weight != NormWeight::none) {
    const float w = parameter_at(row, row.args.w, k);
    factor = multiply(prologue.weight == NormWeight::plus_one ? add(1.0f, w) : w, m);
  }
  if (prologue.modulate == Modulation::scale1_shift) term = table_at(row, row.args.t, k);
  if (prologue.bias != NormBias::none) term = multiply_add(parameter_at(row, row.args.b, k), m, term);
  return multiply_add(normed(row, k), factor, term);
}

__device__ inline float activated(const Row& row, long long k) {
  const float v = modulated(row, k);
  if (k < row.prologue.split) return v;
  switch (row.prologue.act) {
    case Activation::gelu_tanh:
      return gelu_tanh(v);
    case Activation::gelu_erf:
      return gelu_erf(v);
    case Activation::silu:
      return silu(v);
    default:  // swiglu made the columns
      return v;
  }
}

__device__ inline float smoothed(const Row& row, long long k) {
  const float v = activated(row, k);
  return row.prologue.smooth == Smoothing::on ? multiply(v, parameter_at(row, row.args.c, k)) : v;
}

// By the angle of its pair at the row's position.
__device__ inline float turned(const Row& row, long long k) {
  if (row.prologue.rope == Rope::none) return smoothed(row, k);
  const int head = row.prologue.head, column = static_cast<int>(k % head);
  const bool is_half = row.prologue.rope == Rope::half;
  const bool is_first = is_half ? column < head / 2 : column % 2 == 0;
  const int distance = is_half ? head / 2 : 1, pair = is_half ? column % (head / 2) : column / 2;
  const float* const angle = row.args.r + row.m % row.args.positions * row.args.ldr + 2 * pair;
  const float across = multiply(smoothed(row, is_first ? k + distance : k - distance), angle[1]);
  return multiply_add(smoothed(row, k), angle[0], is_first ? -across : across);
}

// Of the columns from `first` on a thread's own. All threads take part: they hold every column of a group.
__device__ inline float rotated(const Row& row, long long first, float (&columns)[kVerificationThreads]) {
  const int group = row.prologue.rotate, own = threadIdx.x;
  float v = first + own < row.args.k ? turned(row, first + own) : 0.0f;
  if (group == 1) return v;
  for (int digit = 1; digit < group; digit *= 4) {
    columns[own] = v;
    __syncthreads();
    const float* x = &columns[own - own / digit % 4 * digit];
    v = multiply_add(-2.0f, v, add(add(x[0], x[digit]), add(x[2 * digit], x[3 * digit])));
    __syncthreads();
  }
  columns[own] = v;
  __syncthreads();
  v = columns[own / group * group + group - 1 - own % group];
  __syncthreads();
  return divide(v, group == 16 ? 4.0f : group == 64 ? 8.0f : 16.0f);
}

// ---- over all columns of a row

using Column = float (*)(const Row&, long long);
using OctetSum = float (*)(const float (&)[8]);

template <Column column, OctetSum sum>
__device__ float octet(const Row& row, long long index) {
  float v[8];
  for (int i = 0; i < 8; ++i) v[i] = 8 * index + i < row.args.k ? column(row, 8 * index + i) : 0.0f;
  return sum(v);
}

// P is twice `half`, and its first fold is that of the octets as they are read.
template <Column column, OctetSum sum>
__device__ float summed(const Row& row, float (&sums)[kSums]) {
  const long long octets = (row.args.k + 7) / 8;
  int half = kSums;
  while (half > 1 && half >= octets) half /= 2;
  for (int i = threadIdx.x; i < half; i += kVerificationThreads)
    sums[i] = add(octet<column, sum>(row, i), octet<column, sum>(row, i + half));
  __syncthreads();
  for (half /= 2; half > 0; half /= 2) {
    for (int i = threadIdx.x; i < half; i += kVerificationThreads) sums[i] = add(sums[i], sums[i + half]);
    __syncthreads();
  }
  const float all = add(sums[0], 0.0f);
  __syncthreads();
  return all;
}

template <Column column>
__device__ float norm_factor(const Row& row, float (&sums)[kSums]) {
  const float squares = summed<column, octet_squares>(row, sums);
  return divide(1.0f, square_root(add(divide(squares, to_float(static_cast<int>(row.args.k))), row.args.eps)));
}

// NaN if one of them is.
__device__ inline float larger(float a, float b) { return a > b || a != a ? a : b; }

__device__ inline float largest(const Row& row, Shared& shared) {
  float own = 0.0f;
  for (long long first = 0; first < row.args.k; first += kVerificationThreads)
    own = larger(own, absolute(rotated(row, first, shared.columns)));
  shared.sums[threadIdx.x] = own;
  __syncthreads();
  for (int i = 0; i < kVerificationThreads; ++i) own = larger(own, shared.sums[i]);
  __syncthreads();
  return own;
}

// ---- outputs

__device__ inline void store_h(const Row& row) {
  const long long first = row.m * row.args.ldh;
  for (long long k = threadIdx.x; k < row.args.k; k += kVerificationThreads) {
    const float v = joined(row, k);
    if (row.prologue.x == InputType::f32) {
      static_cast<float*>(row.args.h)[first + k] = v;
    } else {
      static_cast<unsigned short*>(row.args.h)[first + k] = half_of(v, row.prologue.x == InputType::bf16);
    }
  }
}

__device__ inline signed char by_largest(float v, float a) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23
  if (!(a <= 0x1.fffffep127f)) return 0;
  const float all = divide(127.0f, a);
  const float factor = all < 0x1.fffffep127f ? all : 0x1.fffffep127f;
  return static_cast<signed char>(static_cast<int>(add(multiply_add(v, factor, kRound), -kRound)));
}

__device__ inline signed char by_given(float v, float scale) {
  constexpr float kRound = 12582912.0f;
  const float scaled = multiply(v, divide(1.0f, scale));
  if (scaled != scaled) return 0;
  const float clamped = scaled < -127.0f ? -127.0f : scaled > 127.0f ? 127.0f : scaled;
  return static_cast<signed char>(static_cast<int>(add(add(clamped, kRound), -kRound)));
}

__device__ inline void store_q(const Row& row, Shared& shared) {
  const QuantizeArgs& args = row.args;
  const Prologue& prologue = row.prologue;
  const bool is_int8 = prologue.out == QuantizedType::s8, is_given = prologue.scale == QuantizedScale::tensor;
  const float a = is_int8 && !is_given ? largest(row, shared) : 0.0f;
  if (is_int8 && !is_given && threadIdx.x == 0)
    args.scale[row.m] = a <= 0x1.fffffep127f ? divide(a, 127.0f) : float_from_bits(0x7fffffffu);
  for (long long first = 0; first < args.k; first += kVerificationThreads) {
    const float v = rotated(row, first, shared.columns);
    const long long k = first + threadIdx.x, at = row.m * args.ldq + k;
    if (k >= args.k) continue;
    if (is_int8) {
      static_cast<signed char*>(args.q)[at] = is_given ? by_given(v, args.scale[0]) : by_largest(v, a);
    } else {
      static_cast<unsigned short*>(args.q)[at] = half_of(v, prologue.out == QuantizedType::bf16);
    }
  }
}

}  // namespace quantize_reference
}  // namespace ditune

extern "C" __global__ void __launch_bounds__(ditune::kVerificationThreads)
    ditune_quantize_reference(ditune::QuantizeReferenceArgs all) {
  using namespace ditune;
  using namespace ditune::quantize_reference;
  __shared__ Shared shared;
  const QuantizeArgs& args = all.quantize;
  const Prologue& prologue = all.prologue;

  Row row{args, prologue, static_cast<long long>(blockIdx.x), 0, 0.0f, 0.0f, 0.0f};
  if (has_table(prologue) && prologue.table == ModulationTable::image) row.table = row.m / args.rows_per_image;
  if (has_table(prologue) && prologue.table == ModulationTable::index) row.table = args.index[row.m];
  if (prologue.residual == Branch::gate_rms) row.branch_factor = norm_factor<branch>(row, shared.sums);
  if (prologue.norm == Norm::layer)
    row.mean = divide(summed<joined, octet_sum>(row, shared.sums), to_float(static_cast<int>(args.k)));
  if (has_row_norm(prologue)) row.factor = norm_factor<centered>(row, shared.sums);
  if (prologue.residual != Branch::none) store_h(row);
  store_q(row, shared);
}
