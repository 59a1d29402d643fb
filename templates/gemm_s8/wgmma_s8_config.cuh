// SPDX-License-Identifier: Apache-2.0
// One variant of the family wgmma_s8, and how it is launched. Shared by host and device; C++17.
#pragma once

#include "epilogue_spec.cuh"
#include "launch_plan.cuh"
#include "tensor_map.cuh"

namespace ditune {

enum class Consumers : unsigned char {
  cooperative,  // two warpgroups share a tile, each with half of its rows
  pingpong,     // each has a tile of its own: one multiplies while the other stores
};

enum class Decomposition : unsigned char {
  data_parallel,  // whole tiles, dealt out in turn
  stream_k,       // the last two waves' steps of K are dealt out evenly: some tiles are shared
};

struct WgmmaS8Config {
  int tile_m = 0, tile_n = 0;  // CTA tile; a K step is 128 bytes, one row of the swizzle
  int stages = 0;              // depth of the TMA pipeline
  Consumers consumers = Consumers::cooperative;
  Decomposition decomposition = Decomposition::data_parallel;
  int cluster_m = 1, cluster_n = 1;  // CTAs that load the operands they share once
  int group = 8;                     // rasterization: rows of clusters' tiles walked together
  int staging = 2;                   // boxes of output on their way to Y, of each warp
  Launch launch = Launch::serial;
};

inline constexpr int kWgmmaStepK = 128;
inline constexpr int kWarpgroup = 128;

DITUNE_HOST_DEVICE int threads(const WgmmaS8Config&) { return 3 * kWarpgroup; }
DITUNE_HOST_DEVICE int cluster_size(const WgmmaS8Config& c) { return c.cluster_m * c.cluster_n; }
// Rows of a tile that one warpgroup has.
DITUNE_HOST_DEVICE int warpgroup_rows(const WgmmaS8Config& c) {
  return c.consumers == Consumers::cooperative ? c.tile_m / 2 : c.tile_m;
}

// Shared memory: stages, the consumers' staging, scales and bias of the tiles at work, barriers.
inline constexpr int kStagingBytes = 64 * 128;  // 64 rows of 128 bytes of output: 16 of each warp
DITUNE_HOST_DEVICE int stage_bytes(const WgmmaS8Config& c) { return (c.tile_m + c.tile_n) * kWgmmaStepK; }
DITUNE_HOST_DEVICE int terms_bytes(const WgmmaS8Config& c) { return 2 * 4 * c.tile_n; }
DITUNE_HOST_DEVICE int tiles_at_once(const WgmmaS8Config& c) { return c.consumers == Consumers::pingpong ? 2 : 1; }
// Behind them the gates of those tiles' columns, and a barrier for each warp's each box of residual.
DITUNE_HOST_DEVICE int gate_bytes(const WgmmaS8Config& c, const Epilogue& e) {
  return e.gate == Gate::channel || e.gate == Gate::table ? 4 * c.tile_n : 0;
}
// Whether boxes of the residual are copied to where the outputs of as many bytes will be.
DITUNE_HOST_DEVICE bool stages_residual(const Epilogue& e) {
  return e.residual != Residual::none && residual_bytes(e.residual) == output_bytes(e.out);
}
DITUNE_HOST_DEVICE int shared_bytes(const WgmmaS8Config& c, const Epilogue& e) {
  return c.stages * stage_bytes(c) + 2 * c.staging * kStagingBytes + tiles_at_once(c) * terms_bytes(c) +
         8 * (2 * c.stages + 6) + tiles_at_once(c) * gate_bytes(c, e) + (stages_residual(e) ? 8 * 8 * c.staging : 0);
}

// Clusters' tiles, and how many clusters compute them.
DITUNE_HOST_DEVICE long long cluster_tiles(const WgmmaS8Config& c, long long m, long long n) {
  return ceil_div(ceil_div(m, c.tile_m), c.cluster_m) * ceil_div(ceil_div(n, c.tile_n), c.cluster_n);
}

// Of `tiles` tiles, those whose steps of K `clusters` clusters share evenly.
DITUNE_HOST_DEVICE unsigned shared_tiles(const WgmmaS8Config& c, unsigned tiles, unsigned clusters) {
  if (c.decomposition == Decomposition::data_parallel || tiles % clusters == 0) return 0;
  return tiles < 2 * clusters ? tiles : tiles % clusters + clusters;
}

DITUNE_HOST_DEVICE LaunchPlan launch_plan(const WgmmaS8Config& c, const Epilogue& e, long long m, long long n,
                                          int sms) {
  const long long tiles = cluster_tiles(c, m, n);
  const long long fit = sms / cluster_size(c) > 0 ? sms / cluster_size(c) : 1;
  const bool fewer = c.decomposition == Decomposition::data_parallel && tiles < fit;
  LaunchPlan plan;
  plan.cluster = cluster_size(c);
  plan.grid = (fewer ? tiles : fit) * plan.cluster;
  plan.block = threads(c);
  plan.shared_bytes = shared_bytes(c, e);
  plan.dependent = c.launch == Launch::dependent;
  // Stream-K: of each CTA the int32 sums of a tile that another one finishes, and a flag for each consumer.
  if (c.decomposition == Decomposition::stream_k) plan.workspace_bytes = plan.grid * (4LL * c.tile_m * c.tile_n + 8);
  return plan;
}

// Of a row of Y in one box: a tile is whole boxes of output.
DITUNE_HOST_DEVICE int y_box_bytes(const WgmmaS8Config& c, const Epilogue& e) {
  const int row = static_cast<int>(output_columns(e, c.tile_n)) * output_bytes(e.out);
  return row % 128 == 0 ? 128 : row % 64 == 0 ? 64 : 32;
}

// Rows of a box of X: of a short X no more than there are, in whole groups of the swizzle (see tile_begin).
DITUNE_HOST_DEVICE int x_box_rows(const WgmmaS8Config& c, long long m) {
  const long long there = ceil_div(m, 8) * 8;
  return c.cluster_n == 1 && there < c.tile_m ? static_cast<int>(there) : c.tile_m / c.cluster_n;
}

DITUNE_HOST_DEVICE TensorMapSpec x_map(const WgmmaS8Config& c, const GemmArgs& a) {
  return {a.x, a.m, a.k, a.ldx, 1, x_box_rows(c, a.m), kWgmmaStepK};
}
DITUNE_HOST_DEVICE TensorMapSpec w_map(const WgmmaS8Config& c, const GemmArgs& a) {
  return {a.w, a.n, a.k, a.ldw, 1, c.tile_n / c.cluster_m, kWgmmaStepK};
}
DITUNE_HOST_DEVICE TensorMapSpec y_map(const WgmmaS8Config& c, const Epilogue& e, const GemmArgs& a) {
  const int bytes = output_bytes(e.out);
  return {a.y, a.m, output_columns(e, a.n), a.ldy * bytes, bytes, 16, y_box_bytes(c, e)};
}

DITUNE_HOST_DEVICE TensorMapSpec residual_map(const WgmmaS8Config& c, const Epilogue& e, const FusedGemmArgs& a) {
  const int bytes = residual_bytes(e.residual);
  return {a.r, a.m, a.n, a.ldr * bytes, bytes, 16, y_box_bytes(c, e)};
}

}  // namespace ditune
