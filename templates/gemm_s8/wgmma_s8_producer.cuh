// SPDX-License-Identifier: Apache-2.0
// Family wgmma_s8: the thread that copies X, W and the columns' scales, bias and gate to shared memory.
#pragma once

#include "epilogue_spec.cuh"
#include "gemm_args.cuh"
#include "hopper.cuh"
#include "wgmma_s8_config.cuh"
#include "wgmma_s8_work.cuh"

namespace ditune {

template <WgmmaS8Config config, Epilogue epilogue>
struct WgmmaProducer {
  using Layout = WgmmaLayout<config>;
  static constexpr bool kTerms = epilogue.out != Output::s32;
  static constexpr int kBiasBytes = epilogue.bias == Bias::none ? 0 : epilogue.bias == Bias::f32 ? 4 : 2;
  static constexpr int kGateBytes = gate_bytes(config, epilogue) > 0 ? residual_bytes(epilogue.residual) : 0;

  const TmaGemmArgsOf<epilogue>& args;
  const int bytes_a_stage = (x_box_rows(config, args.gemm.m) * config.cluster_n + config.tile_n) * kWgmmaStepK;
  StageCursor<config.stages> cursor;
  unsigned terms = 0;  // bit c: the parity of consumer c's

  // Bytes of `bytes` each of a tile's columns that exist.
  DITUNE_DEVICE int column_bytes(int column, int bytes) const {
    const int left = static_cast<int>(args.gemm.n) - column;
    return (left < 0 ? 0 : left < config.tile_n ? left : config.tile_n) * bytes;
  }

  // Below 0: there is none that serves all of its rows.
  DITUNE_DEVICE long long gate_of_tile(const TileIndex& tile) const {
    if constexpr (kGateBytes == 0) {
      return -1;
    } else {
      return ditune::gate_of_tile<config, epilogue.gate>(args.gemm, args, tile);
    }
  }

  // Scales, bias and gate of a tile's columns.
  DITUNE_DEVICE void load_terms(int consumer, const TileIndex& tile) {
    const int column = static_cast<int>(tile.n);
    transaction_wait(Layout::terms_empty(consumer), (terms >> consumer & 1) ^ 1);
    const SharedAddress full = Layout::terms_full(consumer);
    const int scale = epilogue.sw == ScaleW::channel ? column_bytes(column, 4) : 0;
    const int bias = column_bytes(column, kBiasBytes);
    const long long gate_row = gate_of_tile(tile);
    const int gate = gate_row >= 0 ? column_bytes(column, kGateBytes) : 0;
    transaction_expect(full, scale + bias + gate);
    if (scale > 0) load_bytes(Layout::terms(consumer), args.gemm.sw + column, scale, full);
    if (bias > 0) {
      load_bytes(Layout::terms(consumer) + 4 * config.tile_n,
                 static_cast<const char*>(args.gemm.bias) + static_cast<long long>(column) * kBiasBytes, bias, full);
    }
    if constexpr (kGateBytes > 0) {
      if (gate > 0) {
        const long long first = gate_row * args.ldg + column;
        load_bytes(Layout::gates(consumer), static_cast<const char*>(args.g) + first * kGateBytes, gate, full);
      }
    }
    terms ^= 1U << consumer;
  }

  // A CTA loads its part of what it shares with others of its cluster for all of them.
  DITUNE_DEVICE void load_stage(const TileIndex& tile, int rank_m, int rank_n, int step) {
    transaction_wait(Layout::empty(cursor.stage), cursor.parity ^ 1);
    const SharedAddress full = Layout::full(cursor.stage);
    transaction_expect(full, bytes_a_stage);
    const int k = step * kWgmmaStepK;
    if constexpr (config.cluster_n == 1) {
      load_box(Layout::stage_x(cursor.stage), args.x, tile.m, k, full);
    } else {
      constexpr int kRows = config.tile_m / config.cluster_n;
      unsigned ranks = 0;
      for (int other = 0; other < config.cluster_n; ++other) ranks |= 1U << (other * config.cluster_m + rank_m);
      load_box_multicast(Layout::stage_x(cursor.stage) + rank_n * kRows * kWgmmaStepK, args.x, tile.m + rank_n * kRows,
                         k, full, ranks);
    }
    if constexpr (config.cluster_m == 1) {
      load_box(Layout::stage_w(cursor.stage), args.w, tile.n, k, full);
    } else {
      constexpr int kRows = config.tile_n / config.cluster_m;
      const unsigned ranks = ((1U << config.cluster_m) - 1) << (rank_n * config.cluster_m);
      load_box_multicast(Layout::stage_w(cursor.stage) + rank_m * kRows * kWgmmaStepK, args.w, tile.n + rank_m * kRows,
                         k, full, ranks);
    }
    cursor.advance();
  }

  DITUNE_DEVICE void run() {
    prefetch_map(args.x);
    prefetch_map(args.w);
    prefetch_map(args.y);
    int consumer = 0;
    for (WorkWalk<config> walk(args.gemm); walk.more(); walk.next()) {
      const Segment segment = walk.segment();
      const TileIndex tile = walk.template origin<epilogue>(segment.tile);
      for (int step = 0; step < segment.steps; ++step) {
        load_stage(tile, walk.rank_m, walk.rank_n, segment.first + step);
      }
      // Behind the operands, for which there is room earlier.
      if (kTerms && segment.first == 0) load_terms(consumer, tile);
      if constexpr (config.consumers == Consumers::pingpong) consumer ^= 1;
    }
    // A CTA must not end while others of its cluster may still write to it or signal it: all stages come back empty.
    if constexpr (cluster_size(config) > 1) {
      for (int stage = 0; stage < config.stages; ++stage) {
        transaction_wait(Layout::empty(cursor.stage), cursor.parity ^ 1);
        cursor.advance();
      }
    }
  }
};

}  // namespace ditune
