// SPDX-License-Identifier: Apache-2.0
// Family mma_s8: int8 GEMM on mma.sync with a cp.async pipeline, dequantization fused. sm_80 and newer.
//
//   X, W in global --cp.async--> stages in shared memory --ldmatrix--> fragments --mma--> int32 accumulators --> Y
//
// A CTA computes tile_m x tile_n outputs (of a part of K, with split_k), each warp warp_m x warp_n of them.
#pragma once

#include "dequantize.cuh"
#include "gemm_args.cuh"
#include "hardware.cuh"
#include "layout.cuh"
#include "mma_s8_config.cuh"
#include "mma_s8_load.cuh"
#include "mma_s8_output.cuh"
#include "mma_s8_split_k.cuh"
#include "mma_s8_tile.cuh"

namespace ditune {

// The operands of one K step of 32.
template <MmaS8Config config>
struct Fragments {
  static constexpr int kTilesM = WarpTile<config>::kTilesM;
  static constexpr int kPairsN = WarpTile<config>::kTilesN / 2;
  unsigned a[kTilesM][4];
  unsigned b[kPairsN][4];

  // `x` and `w` are this lane's addresses at K step 0; steps differ by an XOR, tiles by an immediate.
  DITUNE_DEVICE void load(SharedAddress x, SharedAddress w, int k_step) {
    DITUNE_UNROLL
    for (int i = 0; i < kTilesM; ++i) load_matrix_x4(a[i], (x ^ (k_step * 32)) + i * 16 * config.tile_k);
    DITUNE_UNROLL
    for (int j = 0; j < kPairsN; ++j) load_matrix_x4(b[j], (w ^ (k_step * 32)) + j * 16 * config.tile_k);
  }
};

template <MmaS8Config config>
DITUNE_DEVICE void multiply_fragments(WarpTile<config>& tile, const Fragments<config>& f) {
  DITUNE_UNROLL
  for (int j = 0; j < WarpTile<config>::kTilesN; ++j) {
    DITUNE_UNROLL
    for (int i = 0; i < WarpTile<config>::kTilesM; ++i) {
      // Boustrophedon: consecutive mma share an operand.
      const int row = j % 2 == 0 ? i : WarpTile<config>::kTilesM - 1 - i;
      mma_m16n8k32_s8(tile.acc[row][j], f.a[row], f.b[j / 2][j % 2 * 2], f.b[j / 2][j % 2 * 2 + 1]);
    }
  }
}

// The pipeline between the loader and the fragments.
template <MmaS8Config config, int vec>
struct Pipeline {
  static constexpr int kSteps = config.tile_k / 32;
  static constexpr int kCopySteps = kSteps - 1;  // the last step of a block waits for what the others issued

  StageLoader<config, vec> loader;
  SharedAddress x, w;   // this lane's addresses in the stage that is read
  SharedAddress write;  // the stage that is filled: the one before it

  static DITUNE_DEVICE SharedAddress stage_address(int stage) { return shared_memory() + stage * stage_bytes(config); }

  // Fills all stages but one.
  DITUNE_DEVICE explicit Pipeline(const GemmArgs& args)
      : loader(args, thread_index()), write(stage_address(config.stages - 1)) {
    const int lane = thread_index() % 32;
    const LanePlace place = lane_place<config>();
    x = shared_memory() + swizzled_offset(place.warp_row + lane % 16, lane / 16, config.tile_k);
    w = shared_memory() + config.tile_m * config.tile_k +
        swizzled_offset(place.warp_column + lane % 8 + lane / 16 * 8, lane / 8 % 2, config.tile_k);
    for (int stage = 0; stage < config.stages - 1; ++stage) {
      loader.next_block(args);
      DITUNE_UNROLL
      for (int step = 0; step < kCopySteps; ++step) {
        loader.template copy_portion<kCopySteps>(stage_address(stage), step);
      }
    }
    copy_async_wait<config.stages - 2>();
    block_barrier();
  }

  // When it returns the next stage has landed for all warps, and all have read the last of this one.
  DITUNE_DEVICE void next_stage() {
    copy_async_wait<config.stages - 2>();
    block_barrier();
    constexpr int kStage = stage_bytes(config);
    write = write == stage_address(config.stages - 1) ? stage_address(0) : write + kStage;
    const int advance = write == stage_address(config.stages - 1) ? -(config.stages - 1) * kStage : kStage;
    x += advance;
    w += advance;
  }

  DITUNE_DEVICE void multiply(WarpTile<config>& result, int k_blocks, const GemmArgs& args) {
    result.clear();
    Fragments<config> fragments[2];
    fragments[0].load(x, w, 0);
    for (int block = 0; block < k_blocks; ++block) {
      loader.next_block(args);
      DITUNE_UNROLL
      for (int step = 0; step < kSteps; ++step) {
        if (step < kCopySteps) {
          loader.template copy_portion<kCopySteps>(write, step);
        } else {
          next_stage();
        }
        fragments[(step + 1) % 2].load(x, w, (step + 1) % kSteps);
        multiply_fragments(result, fragments[step % 2]);
      }
    }
  }
};

template <MmaS8Config config, Epilogue epilogue>
DITUNE_DEVICE void mma_s8(const GemmArgsOf<epilogue>& args) {
  static_assert(config.schedule == Schedule::each || config.split_k == 1,
                "SplitK tells the rank in the pipeline's memory");
  constexpr int kVec = accumulator_vector(config, epilogue);
  WarpTile<config> result;
  if constexpr (config.schedule == Schedule::each) {
    const CtaTile tile = cta_tile<config>(args, block_index());
    prefetch_terms<epilogue>(args, tile.row, config.tile_m, tile.column, config.tile_n, thread_index());
    if constexpr (epilogue.residual != Residual::none) {
      prefetch_residual<epilogue.residual, threads(config)>(args, args, {tile.row, tile.column}, config.tile_m,
                                                            config.tile_n);
    }
    int rank = 0;
    if constexpr (config.split_k > 1) rank = SplitK<config>(args, tile).rank();
    Pipeline<config, kVec> pipeline(args);
    pipeline.multiply(result, tile.k_blocks, args);
    if constexpr (config.split_k > 1) {
      if (!SplitK<config>(args, tile).finishes(result, rank)) return;
    }
    store_tile<config, epilogue>(result, tile, args);
    copy_async_wait<0>();
  } else {
    Pipeline<config, kVec> pipeline(args);
    const TileIndex tiles = tile_counts<config>(args);
    unsigned work = block_index();
    do {
      const CtaTile tile = cta_tile<config>(args, work);
      pipeline.multiply(result, tile.k_blocks, args);
      store_tile<config, epilogue>(result, tile, args);
      work += grid_size();
    } while (work < tiles.m * tiles.n);
    copy_async_wait<0>();
  }
}

}  // namespace ditune
