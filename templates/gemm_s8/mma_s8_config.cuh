// SPDX-License-Identifier: Apache-2.0
// One variant of the family mma_s8, and how it is launched. Shared by host and device; C++17.
#pragma once

#include "epilogue_spec.cuh"
#include "launch_plan.cuh"

namespace ditune {

enum class Staging : unsigned char {
  direct,  // each lane stores its own accumulators, those of accumulator_vector() adjacent ones at once
  shared,  // each warp gathers whole rows of its tile in shared memory first
};

enum class Schedule : unsigned char {
  each,        // one CTA a tile (and part of K)
  persistent,  // `ctas` CTAs an SM stay for all tiles; the next tile's copies run under this one's epilogue
};

struct MmaS8Config {
  int tile_m = 0, tile_n = 0, tile_k = 0;  // CTA tile; tile_k is also the bytes of one row of a stage
  int warps_m = 0, warps_n = 0;            // warps over the CTA tile
  int stages = 0;                          // depth of the cp.async pipeline
  int group = 8;                           // rasterization: rows of tiles walked together, so that W is read from L2
  int split_k = 1;                         // CTAs that share one output tile, each with a part of K
  Staging staging = Staging::direct;       // the epilogue's way to global memory
  Schedule schedule = Schedule::each;
  int ctas = 1;   // minimum CTAs per SM: bounds the registers
  int load = 16;  // bytes a cp.async moves (16, 8, 4), or 1: plain byte loads. K, ldx and ldw are multiples
};

DITUNE_HOST_DEVICE int threads(const MmaS8Config& c) { return c.warps_m * c.warps_n * 32; }
DITUNE_HOST_DEVICE int warp_m(const MmaS8Config& c) { return c.tile_m / c.warps_m; }
DITUNE_HOST_DEVICE int warp_n(const MmaS8Config& c) { return c.tile_n / c.warps_n; }

// Adjacent columns of the accumulator whose outputs a lane stores at once: 16 bytes where the warp tile is wide enough
// and the op leaves so many.
DITUNE_HOST_DEVICE int accumulator_vector(const MmaS8Config& c, const Epilogue& e) {
  const bool is_narrow = output_bytes(e.out) == 2 || e.op == EpilogueOp::swiglu;
  return is_narrow && warp_n(c) % 32 == 0 ? 8 : 4;
}

// Bytes of one pipeline stage: tile_m rows of X, then tile_n rows of W.
DITUNE_HOST_DEVICE int stage_bytes(const MmaS8Config& c) { return (c.tile_m + c.tile_n) * c.tile_k; }

// Bytes in which one warp stages 16 rows of its output; rows are padded by 16 bytes against bank conflicts.
DITUNE_HOST_DEVICE int staging_bytes(const MmaS8Config& c, const Epilogue& e) {
  const int row_bytes = static_cast<int>(output_columns(e, warp_n(c))) * output_bytes(e.out);
  return c.staging == Staging::shared ? 16 * (row_bytes + 16) : 0;
}

DITUNE_HOST_DEVICE int shared_bytes(const MmaS8Config& c, const Epilogue& e) {
  const int pipeline = c.stages * stage_bytes(c);
  const int staging = c.warps_m * c.warps_n * staging_bytes(c, e);
  if (c.schedule == Schedule::persistent) return pipeline + staging;
  return pipeline > staging ? pipeline : staging;  // the drained pipeline is reused
}

// `sms`: of the device; any value gives a correct launch.
DITUNE_HOST_DEVICE LaunchPlan launch_plan(const MmaS8Config& c, const Epilogue& e, long long m, long long n, int sms) {
  const long long tiles = ceil_div(m, c.tile_m) * ceil_div(n, c.tile_n);
  LaunchPlan plan;
  const long long resident = static_cast<long long>(sms) * c.ctas;
  plan.grid = c.schedule == Schedule::persistent && resident < tiles ? resident : tiles * c.split_k;
  plan.block = threads(c);
  plan.shared_bytes = shared_bytes(c, e);
  // Split-K: for each tile the int32 sums of all parts but one, then two counters.
  plan.workspace_bytes = c.split_k > 1 ? tiles * (4LL * c.tile_m * c.tile_n * (c.split_k - 1) + 8) : 0;
  return plan;
}

}  // namespace ditune
