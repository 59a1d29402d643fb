// SPDX-License-Identifier: Apache-2.0
// Family mma_s8: which outputs a CTA, a warp and a lane compute.
#pragma once

#include "gemm_args.cuh"
#include "hardware.cuh"
#include "layout.cuh"
#include "mma_s8_config.cuh"

namespace ditune {

// What one CTA computes at a time: an output tile, or with split_k a part of K of one.
struct CtaTile {
  int index;              // of the tile in launch order
  int row, column;        // of its first output
  int k_begin, k_blocks;  // its part of K, in elements and in steps of tile_k
};

// Tiles along M and N; sizes of a problem fit 32 bits.
template <MmaS8Config config>
DITUNE_DEVICE TileIndex tile_counts(const GemmArgs& args) {
  return {(static_cast<unsigned>(args.m) + config.tile_m - 1) / config.tile_m,
          (static_cast<unsigned>(args.n) + config.tile_n - 1) / config.tile_n};
}

// `work`: block_index(), then every grid_size()-th after it.
template <MmaS8Config config>
DITUNE_DEVICE CtaTile cta_tile(const GemmArgs& args, unsigned work) {
  const TileIndex tiles = tile_counts<config>(args);
  const unsigned part = config.split_k == 1 ? 0 : work / (tiles.m * tiles.n);
  const unsigned index = work - part * tiles.m * tiles.n;
  const TileIndex tile = rasterize(index, tiles.m, tiles.n, config.group);
  const unsigned blocks = (static_cast<unsigned>(args.k) + config.tile_k - 1) / config.tile_k;
  const unsigned first = blocks * part / config.split_k;
  const unsigned last = blocks * (part + 1) / config.split_k;
  return {.index = static_cast<int>(index),
          .row = static_cast<int>(tile.m * config.tile_m),
          .column = static_cast<int>(tile.n * config.tile_n),
          .k_begin = static_cast<int>(first * config.tile_k),
          .k_blocks = static_cast<int>(last - first)};
}

template <MmaS8Config config>
struct WarpTile {
  static constexpr int kTilesM = warp_m(config) / 16;
  static constexpr int kTilesN = warp_n(config) / 8;
  int acc[kTilesM][kTilesN][4];

  DITUNE_DEVICE void clear() {
    DITUNE_UNROLL
    for (int i = 0; i < kTilesM; ++i) {
      DITUNE_UNROLL
      for (int j = 0; j < kTilesN; ++j) {
        DITUNE_UNROLL
        for (int c = 0; c < 4; ++c) acc[i][j][c] = 0;
      }
    }
  }
};

// This lane's place in the tile.
struct LanePlace {
  int warp_row, warp_column;  // of the warp tile's first output in the CTA tile
  int group, quad;            // lane / 4 and lane % 4: rows and columns of a fragment
};

template <MmaS8Config config>
DITUNE_DEVICE LanePlace lane_place() {
  const int warp = thread_index() / 32;
  const int lane = thread_index() % 32;
  return {warp / config.warps_n * warp_m(config), warp % config.warps_n * warp_n(config), lane / 4, lane % 4};
}

}  // namespace ditune
