// SPDX-License-Identifier: Apache-2.0
// Family wgmma_s8: int8 GEMM on wgmma with a TMA pipeline, dequantization fused, sm_90a.
//
//   X, W in global --TMA--> stages in shared memory --wgmma--> int32 accumulators --> staging --TMA--> Y
//
// One thread of the producer warpgroup copies, two consumer warpgroups multiply and store. CTAs stay for all tiles, so
// that the copies of the next tile run under the end of this one.
#pragma once

#include "gemm_args.cuh"
#include "hopper.cuh"
#include "wgmma_s8_config.cuh"
#include "wgmma_s8_output.cuh"
#include "wgmma_s8_producer.cuh"
#include "wgmma_s8_stream_k.cuh"
#include "wgmma_s8_work.cuh"

namespace ditune {

// The multiplications of one consumer.
template <WgmmaS8Config config>
struct WarpgroupPipeline {
  using Layout = WgmmaLayout<config>;

  const Consumer<config> consumer;
  StageCursor<config.stages> cursor{};
  int last = 0;  // the stage of the last step

  // One signal to each CTA that may copy to this stage.
  DITUNE_DEVICE void release(int stage) const {
    if constexpr (cluster_size(config) == 1) {
      if (consumer.thread == 0) transaction_arrive(Layout::empty(stage));
    } else {
      if (consumer.thread < cluster_size(config)) transaction_arrive_at(Layout::empty(stage), consumer.thread);
    }
  }

  // All but the last step are done then.
  DITUNE_DEVICE void multiply(WarpgroupTile<config>& result, int steps) {
    for (int step = 0; step < steps; ++step) {
      transaction_wait(Layout::full(cursor.stage), cursor.parity);
      wgmma_fence();
      const unsigned long long x =
          matrix_descriptor(Layout::stage_x(cursor.stage) + consumer.first_row() * kWgmmaStepK);
      const unsigned long long w = matrix_descriptor(Layout::stage_w(cursor.stage));
      DITUNE_UNROLL
      for (int k = 0; k < kWgmmaStepK / 32; ++k) {
        DITUNE_UNROLL
        for (int block = 0; block < WarpgroupTile<config>::kBlocks; ++block) {
          // Addresses count 16 bytes: a K step of 32 is 2 of them, 64 rows are 512.
          wgmma_m64k32_s8<config.tile_n>(result.acc[block], x + 2 * k + 512 * block, w + 2 * k, step + k > 0);
        }
      }
      wgmma_commit();
      wgmma_wait<1>();  // of the step before
      if (step > 0) release(last);
      last = cursor.stage;
      cursor.advance();
    }
  }
  DITUNE_DEVICE void finish() const {
    wgmma_wait<0>();
    release(last);
  }
};

// Consumers with a tile each take turns: a stage's parity tells its next round from this one, not from the one after.
template <WgmmaS8Config config>
struct Turns {
  using Layout = WgmmaLayout<config>;

  const Consumer<config> consumer;
  StageCursor<1> cursor{};

  DITUNE_DEVICE void await() const {
    transaction_wait(Layout::turn(consumer.index), cursor.parity ^ (consumer.index == 0));
  }
  DITUNE_DEVICE void pass_on() {
    if (consumer.thread == 0) transaction_arrive(Layout::turn(consumer.index ^ 1));
    cursor.advance();
  }
};

template <WgmmaS8Config config, Epilogue epilogue>
DITUNE_DEVICE void consume(const TmaGemmArgsOf<epilogue>& args, const Consumer<config>& consumer) {
  constexpr bool kPingpong = config.consumers == Consumers::pingpong;
  constexpr bool kStreamK = config.decomposition == Decomposition::stream_k;
  static_assert(!kPingpong || !kStreamK, "the other consumer's steps are skipped by whole tiles");
  WarpgroupTile<config> result;
  WarpgroupPipeline<config> pipeline{consumer};
  WarpgroupOutput<config, epilogue> output{args, consumer};
  Turns<config> turns{consumer};
  WorkWalk<config> walk(args.gemm);
  const auto skip_tile = [&] {
    walk.next();
    pipeline.cursor.skip(walk.k_steps);
  };
  bool stores_last = !kPingpong;  // of the consumers that have tiles of their own
  if (kPingpong && consumer.index == 1) skip_tile();
  for (; walk.more(); walk.next()) {
    const Segment segment = walk.segment();
    const TileIndex tile = walk.template origin<epilogue>(segment.tile);
    const bool finishes = !kStreamK || segment.first == 0;
    if (finishes) output.begin(tile);
    if constexpr (kPingpong) turns.await();
    pipeline.multiply(result, segment.steps);
    if constexpr (kPingpong) turns.pass_on();  // the other's steps come behind the last one, which runs
    pipeline.finish();
    if constexpr (kStreamK) {
      const StreamK<config> meeting{static_cast<int*>(args.gemm.workspace), consumer};
      if (!finishes) {
        meeting.leave(result);
        continue;
      }
      meeting.collect(result, walk, segment);
    }
    // Tiles that several gates serve have a copy of the code: with both ways in one, the fast one would not stay in the
    // instruction cache.
    if constexpr (epilogue.gate == Gate::table) {
      if (output.has_gate) {
        output.template store<true>(result, tile);
      } else {
        output.template store<false>(result, tile);
      }
    } else {
      output.template store<epilogue.gate != Gate::index>(result, tile);
    }
    if constexpr (kPingpong) {
      skip_tile();
      stores_last = !walk.more();
    }
  }
  // Not earlier: the next grid's CTAs take SMs as they find them free, and neighbours that share operands would end up
  // far apart.
  if (config.launch == Launch::dependent && stores_last) launch_dependents();
  if (consumer.lane() == 0) store_wait_read<0>();
}

// By one thread, for all that wait at them.
template <WgmmaS8Config config, Epilogue epilogue>
DITUNE_DEVICE void init_barriers() {
  using Layout = WgmmaLayout<config>;
  constexpr int kReaders = config.consumers == Consumers::pingpong ? 1 : 2;  // consumers of a stage
  for (int stage = 0; stage < config.stages; ++stage) {
    transaction_init(Layout::full(stage), 1);
    transaction_init(Layout::empty(stage), kReaders * cluster_size(config));
  }
  for (int tile = 0; tile < 2; ++tile) {
    transaction_init(Layout::terms_full(tile), 1);
    transaction_init(Layout::terms_empty(tile), kReaders * (kWarpgroup / 32));
    transaction_init(Layout::turn(tile), 1);
  }
  if constexpr (stages_residual(epilogue)) {
    for (int warp = 0; warp < 8; ++warp) {
      for (int box = 0; box < config.staging; ++box) {
        transaction_init(Layout::template residual_full<epilogue>(warp, box), 1);
      }
    }
  }
  transaction_init_fence();
}

// Columns that do not exist are computed like others, from terms that nobody loads.
template <WgmmaS8Config config, Epilogue epilogue>
DITUNE_DEVICE void clear_terms() {
  constexpr int kBytes = tiles_at_once(config) * terms_bytes(config);
  for (int at = thread_index() * 16; at < kBytes; at += threads(config) * 16) {
    shared_store_vec<16>(WgmmaLayout<config>::terms(0) + at, Vec16{});
  }
  if constexpr (gate_bytes(config, epilogue) > 0) {
    constexpr int kGateBytes = tiles_at_once(config) * gate_bytes(config, epilogue);
    for (int at = thread_index() * 16; at < kGateBytes; at += threads(config) * 16) {
      shared_store_vec<16>(WgmmaLayout<config>::gates(0) + at, Vec16{});
    }
  }
  async_fence();  // loads come after it
}

// Rows of a tile that no box of X reaches are zero in every stage: they are multiplied, too. By all consumers.
template <WgmmaS8Config config>
DITUNE_DEVICE void clear_missing_rows(const GemmArgs& args, const Consumer<config>& consumer) {
  const int rows = x_box_rows(config, args.m) * config.cluster_n;
  if (rows == config.tile_m) return;
  for (int stage = 0; stage < config.stages; ++stage) {
    const SharedAddress x = WgmmaLayout<config>::stage_x(stage);
    for (int at = rows * kWgmmaStepK + (consumer.index * kWarpgroup + consumer.thread) * 16;
         at < config.tile_m * kWgmmaStepK; at += 2 * kWarpgroup * 16) {
      shared_store_vec<16>(x + at, Vec16{});
    }
  }
  async_fence();
  named_barrier(3, 2 * kWarpgroup);
}

template <WgmmaS8Config config, Epilogue epilogue>
DITUNE_DEVICE void wgmma_s8(const TmaGemmArgsOf<epilogue>& args) {
  if (thread_index() == 0) init_barriers<config, epilogue>();
  if constexpr (epilogue.out != Output::s32) clear_terms<config, epilogue>();
  if constexpr (cluster_size(config) > 1) {
    cluster_barrier();
  } else {
    block_barrier();
  }
  if constexpr (config.launch == Launch::dependent) wait_for_prerequisites();
  const int warpgroup = warp_uniform(thread_index() / kWarpgroup);
  // What the producer does not need: 128 * 24 + 256 * 240 registers are just below what an SM has.
  if (warpgroup == 0) {
    lower_registers<24>();
    if (thread_index() == 0) WgmmaProducer<config, epilogue>{args}.run();
  } else {
    raise_registers<240>();
    const Consumer<config> consumer{warpgroup - 1, thread_index() % kWarpgroup};
    clear_missing_rows(args.gemm, consumer);  // while the first boxes are on their way
    consume<config, epilogue>(args, consumer);
  }
}

}  // namespace ditune
