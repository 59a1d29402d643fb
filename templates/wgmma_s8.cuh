// Family wgmma_s8: int8 GEMM on wgmma with a TMA pipeline, dequantization fused, sm_90a.
//
//   X, W in global --TMA--> stages in shared memory --wgmma--> int32 accumulators --> staging --TMA--> Y
//
// One thread of the producer warpgroup copies, two consumer warpgroups multiply and store. CTAs stay for all tiles, so
// that the copies of the next tile run under the end of this one.
#pragma once

#include "dequantize.cuh"
#include "gemm_args.cuh"
#include "hopper.cuh"
#include "layout.cuh"
#include "wgmma_s8_config.cuh"

namespace ditune {

// Where things lie in shared memory.
template <WgmmaS8Config config>
struct WgmmaLayout {
  static DITUNE_DEVICE SharedAddress stage_x(int stage) { return shared_memory() + stage * stage_bytes(config); }
  static DITUNE_DEVICE SharedAddress stage_w(int stage) { return stage_x(stage) + config.tile_m * kWgmmaStepK; }
  static DITUNE_DEVICE SharedAddress staging(int consumer, int which) {
    return stage_x(config.stages) + (consumer * kStagings + which) * kStagingBytes;
  }
  // Scales, then bias, of a tile's columns.
  static DITUNE_DEVICE SharedAddress terms(int consumer) { return staging(2, 0) + consumer * terms_bytes(config); }
  static DITUNE_DEVICE SharedAddress barriers() { return terms(2); }
  static DITUNE_DEVICE SharedAddress full(int stage) { return barriers() + 8 * stage; }
  static DITUNE_DEVICE SharedAddress empty(int stage) { return full(config.stages + stage); }
  static DITUNE_DEVICE SharedAddress terms_full(int consumer) { return empty(config.stages + consumer); }
  static DITUNE_DEVICE SharedAddress terms_empty(int consumer) { return terms_full(2 + consumer); }
  static DITUNE_DEVICE SharedAddress turn(int consumer) { return terms_full(4 + consumer); }
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

// The tiles of this CTA, one after another: those of its cluster lie side by side.
template <WgmmaS8Config config>
struct TileWalk {
  unsigned work, step, count, tiles_m, tiles_n;  // in clusters' tiles
  int rank_m, rank_n;

  DITUNE_DEVICE explicit TileWalk(const GemmArgs& args)
      : work(block_index() / cluster_size(config)), step(grid_size() / cluster_size(config)) {
    constexpr unsigned kRows = config.tile_m * config.cluster_m, kColumns = config.tile_n * config.cluster_n;
    tiles_m = (static_cast<unsigned>(args.m) + kRows - 1) / kRows;
    tiles_n = (static_cast<unsigned>(args.n) + kColumns - 1) / kColumns;
    count = tiles_m * tiles_n;
    const int rank = cluster_size(config) == 1 ? 0 : cluster_rank();
    rank_m = rank % config.cluster_m;
    rank_n = rank / config.cluster_m;
  }

  DITUNE_DEVICE bool more() const { return work < count; }
  DITUNE_DEVICE void next() { work += step; }
  DITUNE_DEVICE TileIndex tile() const {  // of the CTA, in elements
    const TileIndex tile = rasterize(work, tiles_m, tiles_n, config.group);
    return {(tile.m * config.cluster_m + rank_m) * config.tile_m, (tile.n * config.cluster_n + rank_n) * config.tile_n};
  }
};

DITUNE_DEVICE int k_steps(const GemmArgs& args) { return (static_cast<int>(args.k) + kWgmmaStepK - 1) / kWgmmaStepK; }

// ---- the producer

template <WgmmaS8Config config, Epilogue epilogue>
struct WgmmaProducer {
  using Layout = WgmmaLayout<config>;
  static constexpr bool kTerms = epilogue.out != Output::s32;
  static constexpr int kBiasBytes = epilogue.bias == Bias::none ? 0 : epilogue.bias == Bias::f32 ? 4 : 2;

  const TmaGemmArgs& args;
  StageCursor<config.stages> cursor;
  StageCursor<1> terms[2];

  // Bytes of `bytes` each of a tile's columns that exist.
  DITUNE_DEVICE int column_bytes(int column, int bytes) const {
    const int left = static_cast<int>(args.gemm.n) - column;
    return (left < 0 ? 0 : left < config.tile_n ? left : config.tile_n) * bytes;
  }

  // Scales and bias of a tile's columns.
  DITUNE_DEVICE void load_terms(int consumer, int column) {
    transaction_wait(Layout::terms_empty(consumer), terms[consumer].parity ^ 1);
    const SharedAddress full = Layout::terms_full(consumer);
    const int scale = epilogue.sw == ScaleW::channel ? column_bytes(column, 4) : 0;
    const int bias = column_bytes(column, kBiasBytes);
    transaction_expect(full, scale + bias);
    if (scale > 0) load_bytes(Layout::terms(consumer), args.gemm.sw + column, scale, full);
    if (bias > 0) {
      load_bytes(Layout::terms(consumer) + 4 * config.tile_n,
                 static_cast<const char*>(args.gemm.bias) + static_cast<long long>(column) * kBiasBytes, bias, full);
    }
    terms[consumer].advance();
  }

  // A CTA loads its part of what it shares with others of its cluster for all of them.
  DITUNE_DEVICE void load_stage(const TileIndex& tile, int rank_m, int rank_n, int step) {
    transaction_wait(Layout::empty(cursor.stage), cursor.parity ^ 1);
    const SharedAddress full = Layout::full(cursor.stage);
    transaction_expect(full, stage_bytes(config));
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
    const int steps = k_steps(args.gemm);
    int consumer = 0;
    for (TileWalk<config> walk(args.gemm); walk.more(); walk.next()) {
      const TileIndex tile = walk.tile();
      for (int step = 0; step < steps; ++step) load_stage(tile, walk.rank_m, walk.rank_n, step);
      // Behind the operands, for which there is room earlier.
      if constexpr (kTerms) load_terms(consumer, tile.n);
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

// ---- the consumers

template <WgmmaS8Config config, Epilogue epilogue>
struct WgmmaConsumer {
  using Layout = WgmmaLayout<config>;
  static constexpr int kBlocks = warpgroup_rows(config) / 64;  // of 64 rows
  static constexpr int kBytes = output_bytes(epilogue.out);
  static constexpr int kChunk = 128 / kBytes;  // columns of a row of staging
  static constexpr bool kPingpong = config.consumers == Consumers::pingpong;
  static constexpr int kTermsSlots = kPingpong ? 2 : 1;
  static_assert(config.tile_n % kChunk == 0, "a box of output is 128 bytes wide");

  const TmaGemmArgs& args;
  const int consumer;  // 0 or 1
  const int thread;    // of the warpgroup
  StageCursor<config.stages> cursor{};
  StageCursor<1> terms{}, turns{};
  unsigned stored = 0;  // boxes
  int acc[kBlocks][config.tile_n / 2];

  DITUNE_DEVICE void release(int stage) const {
    if constexpr (cluster_size(config) == 1) {
      if (thread == 0) transaction_arrive(Layout::empty(stage));
    } else {
      if (thread < cluster_size(config)) transaction_arrive_at(Layout::empty(stage), thread);
    }
  }

  DITUNE_DEVICE void multiply(int steps) {
    int before = 0;
    const int first_row = kPingpong ? 0 : consumer * warpgroup_rows(config);
    for (int step = 0; step < steps; ++step) {
      transaction_wait(Layout::full(cursor.stage), cursor.parity);
      wgmma_fence();
      const unsigned long long x = matrix_descriptor(Layout::stage_x(cursor.stage) + first_row * kWgmmaStepK);
      const unsigned long long w = matrix_descriptor(Layout::stage_w(cursor.stage));
      DITUNE_UNROLL
      for (int k = 0; k < kWgmmaStepK / 32; ++k) {
        DITUNE_UNROLL
        for (int block = 0; block < kBlocks; ++block) {
          // Addresses count 16 bytes: a K step of 32 is 2 of them, 64 rows are 512.
          wgmma_m64k32_s8<config.tile_n>(acc[block], x + 2 * k + 512 * block, w + 2 * k, step + k > 0);
        }
      }
      wgmma_commit();
      wgmma_wait<1>();  // of the step before
      if (step > 0) release(before);
      before = cursor.stage;
      cursor.advance();
    }
    wgmma_wait<0>();
    release(before);
  }

  // The lane's column terms of tile j of 8 columns: two adjacent ones.
  DITUNE_DEVICE ColumnTerms<epilogue, 2> column_terms(int j) const {
    ColumnTerms<epilogue, 2> two;
    if constexpr (epilogue.out != Output::s32) {
      const int column = j * 8 + thread % 4 * 2;
      const SharedAddress scales = Layout::terms(kPingpong ? consumer : 0), biases = scales + 4 * config.tile_n;
      unsigned words[2];
      if constexpr (epilogue.sw == ScaleW::channel) {
        shared_load_pair(words, scales + column * 4);
        DITUNE_UNROLL
        for (int i = 0; i < 2; ++i) two.scale[i] = float_from_bits(words[i]);
      } else {
        two.scale[0] = two.scale[1] = global_load(args.gemm.sw);
      }
      if constexpr (epilogue.bias == Bias::f32) {
        shared_load_pair(words, biases + column * 4);
        DITUNE_UNROLL
        for (int i = 0; i < 2; ++i) two.bias[i] = float_from_bits(words[i]);
      } else if constexpr (epilogue.bias != Bias::none) {
        const unsigned pair = shared_load(biases + column * 2);
        DITUNE_UNROLL
        for (int i = 0; i < 2; ++i)
          two.bias[i] = float_from_half<epilogue.bias>(static_cast<unsigned short>(pair >> (16 * i)));
      }
    }
    return two;
  }

  // In boxes of 64 rows of 128 bytes through the staging buffers.
  DITUNE_DEVICE void store(const TileIndex& tile) {
    const int first_row = tile.m + (kPingpong ? 0 : consumer * warpgroup_rows(config));
    const int warp = thread / 32, lane = thread % 32;
    float row_scale[kBlocks][2];
    DITUNE_UNROLL
    for (int block = 0; block < kBlocks; ++block) {
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) {
        row_scale[block][half] =
            load_row_scale<epilogue>(args.gemm, first_row + block * 64 + warp * 16 + half * 8 + lane / 4);
      }
    }
    if constexpr (epilogue.out != Output::s32) {
      transaction_wait(Layout::terms_full(kPingpong ? consumer : 0), terms.parity);
      terms.advance();
    }
    DITUNE_UNROLL
    for (int block = 0; block < kBlocks; ++block) {
      DITUNE_UNROLL
      for (int chunk = 0; chunk < config.tile_n / kChunk; ++chunk) {
        const SharedAddress staging = Layout::staging(consumer, stored % kStagings);
        if (thread == 0) store_wait_read<kStagings - 1>();
        named_barrier(1 + consumer, kWarpgroup);
        DITUNE_UNROLL
        for (int j = 0; j < kChunk / 8; j += kBytes == 2 ? 2 : 1) {
          const int tile_j = chunk * (kChunk / 8) + j;
          if constexpr (kBytes == 2) {
            unsigned packed[4];  // rows 0 and 8 of tile j, of tile j + 1
            DITUNE_UNROLL
            for (int t = 0; t < 2; ++t) {
              const ColumnTerms<epilogue, 2> columns = column_terms(tile_j + t);
              DITUNE_UNROLL
              for (int half = 0; half < 2; ++half) {
                const int* two = &acc[block][(tile_j + t) * 4 + half * 2];
                const float low = dequantize(two[0], row_scale[block][half], columns, 0);
                const float high = dequantize(two[1], row_scale[block][half], columns, 1);
                packed[t * 2 + half] = epilogue.out == Output::bf16 ? pack_bf16(low, high) : pack_f16(low, high);
              }
            }
            store_matrix_x4(staging + warp * 16 * 128 + swizzled_offset(lane % 16, j + lane / 16, 128), packed);
          } else {
            const ColumnTerms<epilogue, 2> columns = column_terms(tile_j);
            DITUNE_UNROLL
            for (int half = 0; half < 2; ++half) {
              const int* two = &acc[block][tile_j * 4 + half * 2];
              Vec16 packed{};
              DITUNE_UNROLL
              for (int i = 0; i < 2; ++i) {
                if constexpr (epilogue.out == Output::s32) {
                  packed.word[i] = static_cast<unsigned>(two[i]);
                } else {
                  packed.word[i] = float_bits(dequantize(two[i], row_scale[block][half], columns, i));
                }
              }
              const int row = warp * 16 + half * 8 + lane / 4;
              shared_store_vec<8>(staging + swizzled_offset(row, j * 2 + lane % 4 / 2, 128) + lane % 2 * 8, packed);
            }
          }
        }
        async_fence();
        named_barrier(1 + consumer, kWarpgroup);
        if (thread == 0) {
          store_box(args.y, first_row + block * 64, tile.n + chunk * kChunk, staging);
          store_commit();
        }
        ++stored;
      }
    }
    if constexpr (epilogue.out != Output::s32) {
      if (thread == 0) transaction_arrive(Layout::terms_empty(kPingpong ? consumer : 0));
    }
  }

  DITUNE_DEVICE void run() {
    const int steps = k_steps(args.gemm);
    TileWalk<config> walk(args.gemm);
    if (kPingpong && consumer == 1) {
      walk.next();
      cursor.skip(steps);
    }
    for (; walk.more(); walk.next()) {
      // In turns: a parity tells a stage's next round from this one, not from the one after.
      if constexpr (kPingpong) transaction_wait(Layout::turn(consumer), turns.parity ^ (consumer == 0));
      multiply(steps);
      if constexpr (kPingpong) {
        if (thread == 0) transaction_arrive(Layout::turn(consumer ^ 1));
        turns.advance();
      }
      store(walk.tile());
      if constexpr (kPingpong) {
        walk.next();
        cursor.skip(steps);
      }
    }
    if (thread == 0) store_wait_read<0>();
  }
};

template <WgmmaS8Config config, Epilogue epilogue>
DITUNE_DEVICE void wgmma_s8(const TmaGemmArgs& args) {
  using Layout = WgmmaLayout<config>;
  constexpr bool kPingpong = config.consumers == Consumers::pingpong;
  if (thread_index() == 0) {
    for (int stage = 0; stage < config.stages; ++stage) {
      transaction_init(Layout::full(stage), 1);
      transaction_init(Layout::empty(stage), (kPingpong ? 1 : 2) * cluster_size(config));
    }
    for (int consumer = 0; consumer < 2; ++consumer) {
      transaction_init(Layout::terms_full(consumer), 1);
      transaction_init(Layout::terms_empty(consumer), kPingpong ? 1 : 2);
      transaction_init(Layout::turn(consumer), 1);
    }
    transaction_init_fence();
  }
  if constexpr (cluster_size(config) > 1) {
    cluster_barrier();
  } else {
    block_barrier();
  }
  const int warpgroup = warp_uniform(thread_index() / kWarpgroup);
  if (warpgroup == 0) {
    lower_registers<24>();
    if (thread_index() == 0) WgmmaProducer<config, epilogue>{args}.run();
  } else {
    raise_registers<240>();
    WgmmaConsumer<config, epilogue>{args, warpgroup - 1, thread_index() % kWarpgroup}.run();
  }
}

}  // namespace ditune
