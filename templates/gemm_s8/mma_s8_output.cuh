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
  static constexpr int kVec = output_vector(config, epilogue.out);
  static constexpr int kVecBytes = kVec * output_bytes(epilogue.out);
  static constexpr int kGroups = warp_n(config) / (4 * kVec);  // groups of columns that four lanes share
  static constexpr int kTilesM = WarpTile<config>::kTilesM;
  static constexpr int kRowBytes = warp_n(config) * output_bytes(epilogue.out);
  static constexpr int kPitch = kRowBytes + 16;  // of a staged row

  const GemmArgs& args;
  LanePlace place;
  int first_row, first_column;
  bool whole;  // no output of the tile lies outside Y, and its rows are aligned
  ColumnTerms<epilogue, kVec> columns[kGroups];
  float row_scale[kTilesM][2];

  // Loads all scales at once: one round trip to memory, not one a row.
  DITUNE_DEVICE WarpOutput(const GemmArgs& gemm, const CtaTile& tile)
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
    for (int g = 0; g < kGroups; ++g) columns[g].load(args, first_column + (g * 4 + place.quad) * kVec);
  }

  DITUNE_DEVICE int row(int i, int half) const { return first_row + i * 16 + half * 8 + place.group; }

  DITUNE_DEVICE Vec16 outputs(const WarpTile<config>& result, int i, int half, int g) const {
    int acc[kVec];
    DITUNE_UNROLL
    for (int e = 0; e < kVec; ++e) acc[e] = result.acc[i][g * (kVec / 2) + e / 2][half * 2 + e % 2];
    return finish(acc, row_scale[i][half], columns[g]);
  }

  // Each lane's vectors, as they are.
  template <bool whole_tile>
  DITUNE_DEVICE void store_direct(const WarpTile<config>& result) const {
    DITUNE_UNROLL
    for (int i = 0; i < kTilesM; ++i) {
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) {
        DITUNE_UNROLL
        for (int g = 0; g < kGroups; ++g) {
          store_outputs<epilogue, kVec, whole_tile>(args, row(i, half), first_column + (g * 4 + place.quad) * kVec,
                                                    outputs(result, i, half, g));
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
    const SharedAddress staging =
        shared_memory() + kPipeline + thread_index() / 32 * staging_bytes(config, epilogue.out);
    const int lane = thread_index() % 32;
    DITUNE_UNROLL
    for (int i = 0; i < kTilesM; ++i) {
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) {
        DITUNE_UNROLL
        for (int g = 0; g < kGroups; ++g) {
          shared_store_vec<kVecBytes>(staging + (half * 8 + place.group) * kPitch + (g * 4 + place.quad) * kVecBytes,
                                      outputs(result, i, half, g));
        }
      }
      warp_barrier();
      DITUNE_UNROLL
      for (int v = 0; v < 16 * kRowVectors; v += 32) {
        const int staged_row = (v + lane) / kRowVectors;
        const int vector = (v + lane) % kRowVectors;
        if (staged_row < 16) {
          store_outputs<epilogue, kElements, whole_tile>(
              args, first_row + i * 16 + staged_row, first_column + vector * kElements,
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
DITUNE_DEVICE void store_tile(const WarpTile<config>& result, const CtaTile& tile, const GemmArgs& args) {
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
