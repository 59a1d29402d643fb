// SPDX-License-Identifier: Apache-2.0
// What candidates of the kind gemm_s8 are compared with: a plain GEMM of its own, which shares no code with the kernel
// families but the functions of activation.cuh, so that a mistake of theirs cannot be here too; made to be obviously
// right, then fast enough.
#pragma once

#include "activation.cuh"
#include "reference_args.cuh"
#include "verification.cuh"

namespace ditune {

// Values of k that are in shared memory at once.
inline constexpr int kReferenceDepth = 64;
inline constexpr int kReferencePitch = kReferenceDepth / 4 + 1;  // words a row; odd: no two rows of 16 share a bank

using ReferenceOperand = int[kReferenceTile][kReferencePitch];

// Rows first_row.. and columns first_k.. of an operand, byte by byte: any stride will do. Zeros beyond its ends.
__device__ inline void load_operand(ReferenceOperand& tile, const signed char* base, long long stride, long long rows,
                                    long long k, long long first_row, long long first_k) {
  for (int i = threadIdx.x; i < kReferenceTile * kReferenceDepth; i += kVerificationThreads) {
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

__device__ inline float residual_at(const void* array, Residual type, long long at) {
  return bias_at(array, type == Residual::f32 ? Bias::f32 : type == Residual::bf16 ? Bias::bf16 : Bias::f16, at);
}

// ---- the numerics contract, word for word

__device__ inline float dequantized(const ReferenceArgs& args, long long row, long long column, int acc) {
  const GemmArgs& gemm = args.gemm;
  const Epilogue& epilogue = args.epilogue;
  const float sx = gemm.sx[epilogue.sx == ScaleX::token ? row : 0];
  const float sw = gemm.sw[epilogue.sw == ScaleW::channel ? column : 0];
  const float y = __fmul_rn(__fmul_rn(__int2float_rn(acc), sx), sw);
  return epilogue.bias == Bias::none ? y : __fadd_rn(y, bias_at(gemm.bias, epilogue.bias, column));
}

__device__ inline float activated(EpilogueOp op, float y) {
  switch (op) {
    case EpilogueOp::gelu_tanh:
      return gelu_tanh(y);
    case EpilogueOp::gelu_erf:
      return gelu_erf(y);
    case EpilogueOp::silu:
      return silu(y);
    case EpilogueOp::sigmoid:
      return sigmoid(y);
    default:
      return y;
  }
}

__device__ inline float with_residual(const ReferenceArgs& args, long long row, long long column, float y) {
  const FusedGemmArgs& gemm = args.gemm;
  const Epilogue& epilogue = args.epilogue;
  if (epilogue.gate != Gate::none) {
    long long image = 0;
    if (epilogue.gate == Gate::table) image = row / gemm.rows_per_gate;
    if (epilogue.gate == Gate::index) image = gemm.gate_index[row];
    y = __fmul_rn(residual_at(gemm.g, epilogue.residual, image * gemm.ldg + column), y);
  }
  return __fadd_rn(residual_at(gemm.r, epilogue.residual, row * gemm.ldr + column), y);
}

__device__ inline void store_value(const ReferenceArgs& args, long long at, float y) {
  void* const out = args.gemm.y;
  switch (args.epilogue.out) {
    case Output::bf16:
      static_cast<unsigned short*>(out)[at] = to_bf16(y);
      break;
    case Output::f16:
      static_cast<unsigned short*>(out)[at] = to_f16(y);
      break;
    default:
      static_cast<float*>(out)[at] = y;
  }
}

// `next`: the accumulator of the column beside it, of which swiglu needs both; it stores nothing of odd columns.
__device__ inline void store_output(const ReferenceArgs& args, long long row, long long column, int acc, int next) {
  const FusedGemmArgs& gemm = args.gemm;
  const Epilogue& epilogue = args.epilogue;
  if (epilogue.out == Output::s32) {
    static_cast<int*>(gemm.y)[row * gemm.ldy + column] = acc;
    return;
  }
  float y = dequantized(args, row, column, acc);
  if (epilogue.op == EpilogueOp::swiglu) {
    if (column % 2 == 0)
      store_value(args, row * gemm.ldy + column / 2, __fmul_rn(silu(y), dequantized(args, row, column + 1, next)));
    return;
  }
  if (column >= epilogue.from) y = activated(epilogue.op, y);
  if (epilogue.residual != Residual::none) y = with_residual(args, row, column, y);
  store_value(args, row * gemm.ldy + column, y);
}

}  // namespace ditune

// A CTA computes kReferenceTile x kReferenceTile sums, a thread those of every 16th of 4 rows and of 4 adjacent
// columns.
extern "C" __global__ void __launch_bounds__(ditune::kVerificationThreads)
    ditune_reference(ditune::ReferenceArgs args) {
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
          acc[i][j] = __dp4a(x[thread_row + 16 * i][word], w[4 * thread_column + j][word], acc[i][j]);
      }
    }
    __syncthreads();
  }

#pragma unroll
  for (int i = 0; i < 4; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const long long row = first_row + thread_row + 16 * i, column = first_column + 4 * thread_column + j;
      if (row < gemm.m && column < gemm.n) store_output(args, row, column, acc[i][j], acc[i][j | 1]);
    }
  }
}
