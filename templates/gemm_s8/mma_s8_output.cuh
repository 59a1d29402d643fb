// SPDX-License-Identifier: Apache-2.0
// Family mma_s8: accumulators -> epilogue -> Y.
#pragma once

#include "dequantize.cuh"
#include "gemm_args.cuh"
#include "hardware.cuh"
#include "mma_s8_config.cuh"
#include "mma_s8_tile.cuh"

namespace ditune {

// The outputs of one warp.
template <MmaS8Config config, Epilogue epilogue>
struct WarpOutput {
  static constexpr int kVec = accumulator_vector(config, epilogue);
  static constexpr int kVecOutputs = outputs_of(epilogue, kVec);
  static constexpr int kVecBytes = kVecOutputs * output_bytes(epilogue.out);
  static constexpr int kGroups = warp_n(config) / (4 * kVec);  // groups of columns that four lanes share
  static constexpr int kTilesM = WarpTile<config>::kTilesM;
  static constexpr int kRowBytes = outputs_of(epilogue, warp_n(config)) * output_bytes(epilogue.out);
  static constexpr int kPitch = kRowBytes + 16;  // of a staged row

  const GemmArgsOf<epilogue>& args;
  LanePlace place;
  int first_row, first_column;
  bool whole;  // no output of the tile lies outside Y, and its rows are aligned
  ColumnTerms<epilogue, kVec> columns[kGroups];
  float row_scale[kTilesM][2];

  // Loads all scales at once: one round trip to memory, not one a row.
  DITUNE_DEVICE WarpOutput(const GemmArgsOf<epilogue>& gemm, const CtaTile& tile)
      : args(gemm),
        place(lane_place<config>()),
        first_row(tile.row + place.warp_row),
        first_column(tile.column + place.warp_column),
        whole(tile.row + 0LL + config.tile_m <= gemm.m && tile.column + 0LL + config.tile_n <= gemm.n &&
              gemm.ldy % 8 == 0) {
    DITUNE_UNROLL
    for (int i = 0; i < kTilesM; ++i) {
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) row_scale[i][half] = load_row_scale<epilogue>(args, row(i, half));
    }
    DITUNE_UNROLL
    for (int g = 0; g < kGroups; ++g) columns[g].load(args, column(g));
  }

  DITUNE_DEVICE int row(int i, int half) const { return first_row + i * 16 + half * 8 + place.group; }
  DITUNE_DEVICE int column(int g) const { return first_column + (g * 4 + place.quad) * kVec; }  // of the accumulator

  // What the outputs of both halves of 16 rows are added to, all at once: one round trip to memory.
  using Residuals = ResidualTerms<epilogue.residual, kVec>[2][kGroups];
  DITUNE_DEVICE void load_residuals(Residuals& residuals, int i) const {
    DITUNE_UNROLL
    for (int half = 0; half < 2; ++half) {
      DITUNE_UNROLL
      for (int g = 0; g < kGroups; ++g) {
        residuals[half][g].load_residual(args, args, {row(i, half), column(g)});
        residuals[half][g].load_gate(args, args, epilogue.gate, {row(i, half), column(g)});
      }
    }
  }

  DITUNE_DEVICE Vec16 outputs(const WarpTile<config>& result, const Residuals& residuals, int i, int half,
                              int g) const {
    RowPart<kVec> part{{row(i, half), column(g)}, {}};
    DITUNE_UNROLL
    for (int e = 0; e < kVec; ++e) part.acc[e] = result.acc[i][g * (kVec / 2) + e / 2][half * 2 + e % 2];
    return finish(part, row_scale[i][half], columns[g], residuals[half][g]);
  }

  // Each lane's vectors, as they are.
  template <bool whole_tile>
  DITUNE_DEVICE void store_direct(const WarpTile<config>& result) const {
    DITUNE_UNROLL
    for (int i = 0; i < kTilesM; ++i) {
      Residuals residuals;
      load_residuals(residuals, i);
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) {
        DITUNE_UNROLL
        for (int g = 0; g < kGroups; ++g) {
          store_outputs<epilogue, kVecOutputs, whole_tile>(args, row(i, half), outputs_of(epilogue, column(g)),
                                                           outputs(result, residuals, i, half, g));
        }
      }
    }
  }

  // Sixteen rows at a time through this warp's part of shared memory, so that neighbouring lanes store neighbouring
  // vectors.
  template <bool whole_tile>
  DITUNE_DEVICE void store_shared(const WarpTile<config>& result) const {
    constexpr int kRowVectors = kRowBytes / 16;
    constexpr int kElements = 16 / output_bytes(epilogue.out);
    constexpr int kPipeline = config.schedule == Schedule::persistent ? config.stages * stage_bytes(config) : 0;
    const SharedAddress staging = shared_memory() + kPipeline + thread_index() / 32 * staging_bytes(config, epilogue);
    const int lane = thread_index() % 32;
    DITUNE_UNROLL
    for (int i = 0; i < kTilesM; ++i) {
      Residuals residuals;
      load_residuals(residuals, i);
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) {
        DITUNE_UNROLL
        for (int g = 0; g < kGroups; ++g) {
          shared_store_vec<kVecBytes>(staging + (half * 8 + place.group) * kPitch + (g * 4 + place.quad) * kVecBytes,
                                      outputs(result, residuals, i, half, g));
        }
      }
      warp_barrier();
      DITUNE_UNROLL
      for (int v = 0; v < 16 * kRowVectors; v += 32) {
        const int staged_row = (v + lane) / kRowVectors;
        const int vector = (v + lane) % kRowVectors;
        if (staged_row < 16) {
          store_outputs<epilogue, kElements, whole_tile>(
              args, first_row + i * 16 + staged_row, outputs_of(epilogue, first_column) + vector * kElements,
              shared_load_vec16(staging + staged_row * kPitch + vector * 16));
        }
      }
      warp_barrier();
    }
  }

  template <bool whole_tile>
  DITUNE_DEVICE void store(const WarpTile<config>& result) const {
    if constexpr (config.staging == Staging::direct) {
      store_direct<whole_tile>(result);
    } else {
      store_shared<whole_tile>(result);
    }
  }
};

template <MmaS8Config config, Epilogue epilogue>
DITUNE_DEVICE void store_tile(const WarpTile<config>& result, const CtaTile& tile, const GemmArgsOf<epilogue>& args) {
  const WarpOutput<config, epilogue> output(args, tile);
  if (config.staging == Staging::shared && config.schedule == Schedule::each) {
    copy_async_wait<0>();
    block_barrier();  // nobody reads or fills the pipeline any more
  }
  if (output.whole) {
    output.template store<true>(result);
  } else {
    output.template store<false>(result);
  }
}

}  // namespace ditune
