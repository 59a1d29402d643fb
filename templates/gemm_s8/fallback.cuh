// SPDX-License-Identifier: Apache-2.0
// The built-in kernels: mma_s8's main loop with an epilogue that is a run-time value, so that one image serves all.
#pragma once

#include "dequantize.cuh"
#include "fallback_args.cuh"
#include "hardware.cuh"
#include "mma_s8.cuh"

namespace ditune {

inline constexpr int kFallbackVec = 4;  // adjacent outputs that a lane stores at once: 8 or 16 bytes

// Scales and a bias, as float32. What the epilogue lacks is a value that changes no bit.
inline constexpr Epilogue kAllTerms{.bias = Bias::f32, .out = Output::f32};
using AllTerms = ColumnTerms<kAllTerms, kFallbackVec>;

DITUNE_DEVICE AllTerms load_column_terms(const FallbackArgs& args, long long first) {
  const GemmArgs& gemm = args.gemm;
  AllTerms terms;
  DITUNE_UNROLL
  for (int i = 0; i < kFallbackVec; ++i) {
    terms.scale[i] = 1.0f;
    terms.bias[i] = -0.0f;  // y + -0 is y for every y; 0 + -0 is 0, but -0 + 0 is not -0
  }
  if (args.epilogue.out == Output::s32) return terms;
  if (args.epilogue.sw == ScaleW::channel) {
    load_floats(terms.scale, gemm.sw, first, gemm.n);
  } else {
    const float one = global_load(gemm.sw);
    DITUNE_UNROLL
    for (int i = 0; i < kFallbackVec; ++i) terms.scale[i] = one;
  }
  if (args.epilogue.bias == Bias::f32) {
    load_floats(terms.bias, static_cast<const float*>(gemm.bias), first, gemm.n);
  } else if (args.epilogue.bias == Bias::bf16) {
    load_halves<Bias::bf16>(terms.bias, static_cast<const unsigned short*>(gemm.bias), first, gemm.n);
  } else if (args.epilogue.bias == Bias::f16) {
    load_halves<Bias::f16>(terms.bias, static_cast<const unsigned short*>(gemm.bias), first, gemm.n);
  }
  return terms;
}

DITUNE_DEVICE float load_row_scale(const FallbackArgs& args, long long row) {
  if (args.epilogue.out == Output::s32) return 1.0f;
  return global_load(args.gemm.sx + (args.epilogue.sx == ScaleX::token && row < args.gemm.m ? row : 0));
}

// What the epilogue of a tile will wait for, into L2.
DITUNE_DEVICE void prefetch_terms(const FallbackArgs& args, const CtaTile& tile, int rows, int columns) {
  const GemmArgs& gemm = args.gemm;
  const Epilogue& epilogue = args.epilogue;
  const int thread = thread_index();
  if (epilogue.out == Output::s32) return;
  if (epilogue.sx == ScaleX::token) prefetch_elements(gemm.sx, 4, tile.row, rows, gemm.m, thread);
  if (epilogue.sw == ScaleW::channel) prefetch_elements(gemm.sw, 4, tile.column, columns, gemm.n, thread);
  if (epilogue.bias != Bias::none) {
    prefetch_elements(gemm.bias, epilogue.bias == Bias::f32 ? 4 : 2, tile.column, columns, gemm.n, thread);
  }
}

template <Residual type>
DITUNE_DEVICE void add_residual(float (&y)[kFallbackVec], const FallbackArgs& args, Place at) {
  ResidualTerms<type, kFallbackVec> terms{};
  terms.load_residual(args.gemm, args.gemm, at);
  terms.load_gate(args.gemm, args.gemm, args.epilogue.gate, at);
  terms.add_to(y, args.epilogue.gate);
}

// Op and residual. A call, so that the image has them once; a plain epilogue does not pay for it.
DITUNE_DEVICE_CALL void fuse(float (&y)[kFallbackVec], const FallbackArgs& args, Place at) {
  const Epilogue& epilogue = args.epilogue;
  switch (epilogue.op) {
    case EpilogueOp::none:
      break;
    case EpilogueOp::gelu_tanh:
      apply_op<EpilogueOp::gelu_tanh>(y, epilogue.from, at.column);
      break;
    case EpilogueOp::gelu_erf:
      apply_op<EpilogueOp::gelu_erf>(y, epilogue.from, at.column);
      break;
    case EpilogueOp::silu:
      apply_op<EpilogueOp::silu>(y, epilogue.from, at.column);
      break;
    case EpilogueOp::sigmoid:
      apply_op<EpilogueOp::sigmoid>(y, epilogue.from, at.column);
      break;
    case EpilogueOp::swiglu:
      apply_op<EpilogueOp::swiglu>(y, epilogue.from, at.column);
      break;
  }
  switch (epilogue.residual) {
    case Residual::none:
      break;
    case Residual::bf16:
      add_residual<Residual::bf16>(y, args, at);
      break;
    case Residual::f16:
      add_residual<Residual::f16>(y, args, at);
      break;
    case Residual::f32:
      add_residual<Residual::f32>(y, args, at);
      break;
  }
}

// The first `Outputs` of y, or the accumulator itself, into the row's columns of Y from `column` on.
template <int Outputs>
DITUNE_DEVICE void store_outputs(const FallbackArgs& args, int row, int column, const Vec16& words) {
  constexpr Epilogue kWords{.op = Outputs < kFallbackVec ? EpilogueOp::swiglu : EpilogueOp::none, .out = Output::f32};
  constexpr Epilogue kHalves{.op = kWords.op, .out = Output::bf16};
  if (output_bytes(args.epilogue.out) == 4) {
    store_outputs<kWords, Outputs, false>(args.gemm, row, column, words);
    return;
  }
  const auto value = [&](int i) { return float_from_bits(words.word[i]); };
  store_outputs<kHalves, Outputs, false>(
      args.gemm, row, column,
      args.epilogue.out == Output::bf16 ? pack<Output::bf16, Outputs>(value) : pack<Output::f16, Outputs>(value));
}

// Computes adjacent columns of a row and stores those outputs that are in Y.
DITUNE_DEVICE void store_row_part(const FallbackArgs& args, const RowPart<kFallbackVec>& part, float row_scale,
                                  const AllTerms& terms) {
  const Epilogue& epilogue = args.epilogue;
  const auto [row, column] = part.at;
  if (epilogue.out == Output::s32) {
    constexpr Epilogue kAccumulator{.out = Output::s32};
    store_outputs<kAccumulator, kFallbackVec, false>(
        args.gemm, row, column, finish(part, row_scale, ColumnTerms<kAccumulator, kFallbackVec>{}, {}));
    return;
  }
  Vec16 words = finish(part, row_scale, terms, {});
  if (epilogue.op != EpilogueOp::none || epilogue.residual != Residual::none) {
    float y[kFallbackVec];
    DITUNE_UNROLL
    for (int i = 0; i < kFallbackVec; ++i) y[i] = float_from_bits(words.word[i]);
    fuse(y, args, part.at);
    words = pack<Output::f32, kFallbackVec>([&](int i) { return y[i]; });
  }
  if (epilogue.op == EpilogueOp::swiglu) {
    store_outputs<kFallbackVec / 2>(args, row, column / 2, words);
  } else {
    store_outputs<kFallbackVec>(args, row, column, words);
  }
}

template <MmaS8Config config>
DITUNE_DEVICE void store_tile(const WarpTile<config>& result, const CtaTile& tile, const FallbackArgs& args) {
  constexpr int kTilesM = WarpTile<config>::kTilesM;
  constexpr int kGroups = warp_n(config) / (4 * kFallbackVec);  // groups of columns that four lanes share
  const LanePlace place = lane_place<config>();
  const int first_row = tile.row + place.warp_row + place.group;
  const int first_column = tile.column + place.warp_column + place.quad * kFallbackVec;
  float row_scale[kTilesM][2];
  AllTerms terms[kGroups];
  DITUNE_UNROLL
  for (int i = 0; i < kTilesM; ++i) {
    DITUNE_UNROLL
    for (int half = 0; half < 2; ++half) row_scale[i][half] = load_row_scale(args, first_row + i * 16 + half * 8);
  }
  DITUNE_UNROLL
  for (int g = 0; g < kGroups; ++g) terms[g] = load_column_terms(args, first_column + g * 4 * kFallbackVec);

  DITUNE_UNROLL
  for (int i = 0; i < kTilesM; ++i) {
    DITUNE_UNROLL
    for (int half = 0; half < 2; ++half) {
      DITUNE_UNROLL
      for (int g = 0; g < kGroups; ++g) {
        RowPart<kFallbackVec> part{{first_row + i * 16 + half * 8, first_column + g * 4 * kFallbackVec}, {}};
        DITUNE_UNROLL
        for (int e = 0; e < kFallbackVec; ++e) part.acc[e] = result.acc[i][g * 2 + e / 2][half * 2 + e % 2];
        store_row_part(args, part, row_scale[i][half], terms[g]);
      }
    }
  }
}

template <MmaS8Config config>
DITUNE_DEVICE void fallback(const FallbackArgs& args) {
  static_assert(config.schedule == Schedule::each && config.split_k == 1 && config.staging == Staging::direct);
  const CtaTile tile = cta_tile<config>(args.gemm, block_index());
  prefetch_terms(args, tile, config.tile_m, config.tile_n);
  Pipeline<config, kFallbackVec> pipeline(args.gemm);
  WarpTile<config> result;
  pipeline.multiply(result, tile.k_blocks, args.gemm);
  store_tile(result, tile, args);
  copy_async_wait<0>();
}

}  // namespace ditune
