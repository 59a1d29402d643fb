// SPDX-License-Identifier: Apache-2.0
// Family wgmma_s8: what a CTA computes, step by step, and where it keeps it.
#pragma once

#include "dequantize.cuh"
#include "gemm_args.cuh"
#include "hopper.cuh"
#include "layout.cuh"
#include "wgmma_s8_config.cuh"

namespace ditune {

// What a kernel of an epilogue takes.
template <Epilogue epilogue>
using TmaGemmArgsOf = typename Choice<epilogue.residual == Residual::none, TmaGemmArgs, TmaFusedGemmArgs>::Type;

// The row of g that serves all rows of a tile; below 0 if none does.
template <WgmmaS8Config config, Gate gate>
DITUNE_DEVICE long long gate_of_tile(const GemmArgs& gemm, const ResidualArgs& args, const TileIndex& tile) {
  if constexpr (gate == Gate::channel) return 0;
  if constexpr (gate == Gate::index) return -1;
  const int first = static_cast<int>(tile.m);
  if (first >= gemm.m) return -1;
  const int last = config.tile_m < gemm.m - first ? first + config.tile_m - 1 : gemm.m - 1;
  const long long row = gate_row(args, gate, first);
  return row == gate_row(args, gate, last) ? row : -1;
}

// Where things lie in shared memory.
template <WgmmaS8Config config>
struct WgmmaLayout {
  static DITUNE_DEVICE SharedAddress stage_x(int stage) { return shared_memory() + stage * stage_bytes(config); }
  static DITUNE_DEVICE SharedAddress stage_w(int stage) { return stage_x(stage) + config.tile_m * kWgmmaStepK; }
  static DITUNE_DEVICE SharedAddress staging(int consumer, int which) {
    return stage_x(config.stages) + (consumer * config.staging + which) * kStagingBytes;
  }
  // Scales, then bias, of a tile's columns.
  static DITUNE_DEVICE SharedAddress terms(int consumer) { return staging(2, 0) + consumer * terms_bytes(config); }
  static DITUNE_DEVICE SharedAddress barriers() { return terms(tiles_at_once(config)); }
  static DITUNE_DEVICE SharedAddress full(int stage) { return barriers() + 8 * stage; }
  static DITUNE_DEVICE SharedAddress empty(int stage) { return full(config.stages + stage); }
  static DITUNE_DEVICE SharedAddress terms_full(int consumer) { return empty(config.stages + consumer); }
  static DITUNE_DEVICE SharedAddress terms_empty(int consumer) { return terms_full(2 + consumer); }
  static DITUNE_DEVICE SharedAddress turn(int consumer) { return terms_full(4 + consumer); }
  // With a gate, and with a residual that is staged.
  static DITUNE_DEVICE SharedAddress gates(int consumer) { return terms_full(6) + consumer * 4 * config.tile_n; }
  template <Epilogue epilogue>
  static DITUNE_DEVICE SharedAddress residual_full(int warp, int which) {
    return terms_full(6) + tiles_at_once(config) * gate_bytes(config, epilogue) + 8 * (warp * config.staging + which);
  }
};

// The stages one after another; the parity of a stage's barriers changes each time round.
template <int stages>
struct StageCursor {
  int stage = 0;
  unsigned parity = 0;

  DITUNE_DEVICE void advance() {
    if (++stage == stages) {
      stage = 0;
      parity ^= 1;
    }
  }
  DITUNE_DEVICE void skip(int steps) {
    stage += steps;
    parity ^= stage / stages & 1;
    stage %= stages;
  }
};

// What a CTA computes at a time: a tile, or some of its steps of K.
struct Segment {
  unsigned tile;     // in the order of rasterization
  int first, steps;  // of K
};

// The segments of this CTA's cluster, one after another. Shared tiles come first: the cluster begins in the middle of
// one, which the cluster before it finishes, and ends at the beginning of one, of which those behind it did the rest
// when they began.
template <WgmmaS8Config config>
struct WorkWalk {
  unsigned m, n;                                 // of the problem
  unsigned cluster, clusters, tiles_m, tiles_n;  // tiles of a cluster
  int k_steps;
  unsigned shared;   // tiles
  unsigned at, end;  // of this cluster's part of the shared tiles' steps
  unsigned whole;    // the next tile of its own
  int rank_m, rank_n;

  DITUNE_DEVICE explicit WorkWalk(const GemmArgs& args)
      : m(static_cast<unsigned>(args.m)),
        n(static_cast<unsigned>(args.n)),
        cluster(block_index() / cluster_size(config)),
        clusters(grid_size() / cluster_size(config)) {
    // Backwards: it will wait for clusters behind it, which then started before it where CTAs start in order, as they
    // do on every GPU so far. Where all run at once, as planned, no order matters.
    if (config.decomposition == Decomposition::stream_k) cluster = clusters - 1 - cluster;
    constexpr unsigned kRows = config.tile_m * config.cluster_m, kColumns = config.tile_n * config.cluster_n;
    tiles_m = (m + kRows - 1) / kRows;
    tiles_n = (n + kColumns - 1) / kColumns;
    k_steps = (static_cast<int>(args.k) + kWgmmaStepK - 1) / kWgmmaStepK;
    shared = shared_tiles(config, tiles_m * tiles_n, clusters);
    at = part_begin(cluster);
    end = part_begin(cluster + 1);
    whole = shared + cluster;
    const int rank = cluster_size(config) == 1 ? 0 : cluster_rank();
    rank_m = rank % config.cluster_m;
    rank_n = rank / config.cluster_m;
  }

  // The first of the shared tiles' steps that is that cluster's.
  DITUNE_DEVICE unsigned part_begin(unsigned of) const {
    if constexpr (config.decomposition == Decomposition::data_parallel) return 0;
    return shared * k_steps * of / clusters;
  }

  DITUNE_DEVICE bool more() const { return at < end || whole < tiles_m * tiles_n; }
  DITUNE_DEVICE Segment segment() const {
    if (config.decomposition == Decomposition::stream_k && at < end) {
      const unsigned tile = at / k_steps, first = at - tile * k_steps, left = k_steps - first;
      return {tile, static_cast<int>(first), static_cast<int>(left < end - at ? left : end - at)};
    }
    return {whole, 0, k_steps};
  }
  DITUNE_DEVICE void next() {
    if (config.decomposition == Decomposition::stream_k && at < end) {
      at += segment().steps;
    } else {
      whole += clusters;
    }
  }

  // Of the CTA's tile, in elements. With a residual no output is computed twice: Y may be what it is computed from.
  template <Epilogue epilogue>
  DITUNE_DEVICE TileIndex origin(unsigned tile) const {
    const TileIndex index = rasterize(tile, tiles_m, tiles_n, config.group);
    const unsigned row = index.m * config.cluster_m + rank_m, column = index.n * config.cluster_n + rank_n;
    if constexpr (epilogue.residual != Residual::none) return {row * config.tile_m, column * config.tile_n};
    return {tile_begin(row, config.tile_m, m), tile_begin(column, config.tile_n, n)};
  }
};

}  // namespace ditune
