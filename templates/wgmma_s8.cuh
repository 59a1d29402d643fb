// Family wgmma_s8: int8 GEMM on wgmma with a TMA pipeline, dequantization
// fused, sm_90a.
//
//   X, W in global --TMA--> stages in shared memory --wgmma--> int32
//   accumulators --> staging --TMA--> Y
//
// One thread of the producer warpgroup copies, two consumer warpgroups multiply
// and store. CTAs stay for all tiles, so that the copies of the next tile run
// under the end of this one.
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

// The stages one after another; the parity of a stage's barriers changes each
// time round.
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

// The segments of this CTA's cluster, one after another. Shared tiles come
// first: the cluster begins in the middle of one, which the cluster before it
// finishes, and ends at the beginning of one, of which those behind it did the
// rest when they began.
template <WgmmaS8Config config>
struct WorkWalk {
  unsigned cluster, clusters, tiles_m, tiles_n;  // tiles of a cluster
  int k_steps;
  unsigned shared;   // tiles
  unsigned at, end;  // of this cluster's part of the shared tiles' steps
  unsigned whole;    // the next tile of its own
  int rank_m, rank_n;

  DITUNE_DEVICE explicit WorkWalk(const GemmArgs& args)
      : cluster(block_index() / cluster_size(config)), clusters(grid_size() / cluster_size(config)) {
    constexpr unsigned kRows = config.tile_m * config.cluster_m, kColumns = config.tile_n * config.cluster_n;
    tiles_m = (static_cast<unsigned>(args.m) + kRows - 1) / kRows;
    tiles_n = (static_cast<unsigned>(args.n) + kColumns - 1) / kColumns;
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
    return static_cast<unsigned>(static_cast<unsigned long long>(shared) * k_steps * of / clusters);
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

  // Of the CTA's tile, in elements.
  DITUNE_DEVICE TileIndex origin(unsigned tile) const {
    const TileIndex index = rasterize(tile, tiles_m, tiles_n, config.group);
    return {(index.m * config.cluster_m + rank_m) * config.tile_m,
            (index.n * config.cluster_n + rank_n) * config.tile_n};
  }
};

// ---- the producer

template <WgmmaS8Config config, Epilogue epilogue>
struct WgmmaProducer {
  using Layout = WgmmaLayout<config>;
  static constexpr bool kTerms = epilogue.out != Output::s32;
  static constexpr int kBiasBytes = epilogue.bias == Bias::none ? 0 : epilogue.bias == Bias::f32 ? 4 : 2;

  const TmaGemmArgs& args;
  StageCursor<config.stages> cursor;
  unsigned terms = 0;  // bit c: the parity of consumer c's

  // Bytes of `bytes` each of a tile's columns that exist.
  DITUNE_DEVICE int column_bytes(int column, int bytes) const {
    const int left = static_cast<int>(args.gemm.n) - column;
    return (left < 0 ? 0 : left < config.tile_n ? left : config.tile_n) * bytes;
  }

  // Scales and bias of a tile's columns.
  DITUNE_DEVICE void load_terms(int consumer, int column) {
    transaction_wait(Layout::terms_empty(consumer), (terms >> consumer & 1) ^ 1);
    const SharedAddress full = Layout::terms_full(consumer);
    const int scale = epilogue.sw == ScaleW::channel ? column_bytes(column, 4) : 0;
    const int bias = column_bytes(column, kBiasBytes);
    transaction_expect(full, scale + bias);
    if (scale > 0) load_bytes(Layout::terms(consumer), args.gemm.sw + column, scale, full);
    if (bias > 0) {
      load_bytes(Layout::terms(consumer) + 4 * config.tile_n,
                 static_cast<const char*>(args.gemm.bias) + static_cast<long long>(column) * kBiasBytes, bias, full);
    }
    terms ^= 1U << consumer;
  }

  // A CTA loads its part of what it shares with others of its cluster for all
  // of them.
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
    int consumer = 0;
    for (WorkWalk<config> walk(args.gemm); walk.more(); walk.next()) {
      const Segment segment = walk.segment();
      const TileIndex tile = walk.origin(segment.tile);
      for (int step = 0; step < segment.steps; ++step) {
        load_stage(tile, walk.rank_m, walk.rank_n, segment.first + step);
      }
      // Behind the operands, for which there is room earlier.
      if (kTerms && segment.first == 0) load_terms(consumer, tile.n);
      if constexpr (config.consumers == Consumers::pingpong) consumer ^= 1;
    }
    // A CTA must not end while others of its cluster may still write to it or
    // signal it: all stages come back empty.
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
  static_assert(!kPingpong || config.decomposition == Decomposition::data_parallel, "turns are taken by whole tiles");
  static_assert(config.tile_n % kChunk == 0, "a box of output is 128 bytes wide");

  const TmaGemmArgs& args;
  const int consumer;  // 0 or 1
  const int thread;    // of the warpgroup
  StageCursor<config.stages> cursor{};
  StageCursor<1> terms{}, turns{};
  unsigned stored = 0;  // boxes
  int acc[kBlocks][config.tile_n / 2];
  float row_scale[kBlocks][2];

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
          // Addresses count 16 bytes: a K step of 32 is 2 of them, 64 rows are
          // 512.
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

  DITUNE_DEVICE int first_row(const TileIndex& tile) const {  // of this warp's first 16
    return static_cast<int>(tile.m) + (kPingpong ? 0 : consumer * warpgroup_rows(config)) + thread / 32 * 16;
  }

  // Ahead of the multiplication, which hides the latency.
  DITUNE_DEVICE void load_row_scales(const TileIndex& tile) {
    DITUNE_UNROLL
    for (int block = 0; block < kBlocks; ++block) {
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) {
        row_scale[block][half] =
            load_row_scale<epilogue>(args.gemm, first_row(tile) + block * 64 + half * 8 + thread % 32 / 4);
      }
    }
  }

  // Two bytes an output: 16 rows of 16 columns, tiles j and j + 1 of a box.
  DITUNE_DEVICE void stage_halves(SharedAddress staging, int block, int chunk, int j) const {
    const int lane = thread % 32;
    unsigned packed[4];  // rows 0 and 8 of tile j, of tile j + 1
    DITUNE_UNROLL
    for (int t = 0; t < 2; ++t) {
      const int tile = chunk * (kChunk / 8) + j + t;
      const ColumnTerms<epilogue, 2> columns = column_terms(tile);
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int* two = &acc[block][tile * 4 + half * 2];
        const float low = dequantize(two[0], row_scale[block][half], columns, 0);
        const float high = dequantize(two[1], row_scale[block][half], columns, 1);
        packed[t * 2 + half] = epilogue.out == Output::bf16 ? pack_bf16(low, high) : pack_f16(low, high);
      }
    }
    store_matrix_x4(staging + swizzled_offset(lane % 16, j + lane / 16, 128), packed);
  }

  // Four bytes an output: 16 rows of 8 columns, tile j of a box.
  DITUNE_DEVICE void stage_words(SharedAddress staging, int block, int chunk, int j) const {
    const int lane = thread % 32, tile = chunk * (kChunk / 8) + j;
    const ColumnTerms<epilogue, 2> columns = column_terms(tile);
    DITUNE_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int* two = &acc[block][tile * 4 + half * 2];
      Vec16 packed{};
      DITUNE_UNROLL
      for (int i = 0; i < 2; ++i) {
        if constexpr (epilogue.out == Output::s32) {
          packed.word[i] = static_cast<unsigned>(two[i]);
        } else {
          packed.word[i] = float_bits(dequantize(two[i], row_scale[block][half], columns, i));
        }
      }
      shared_store_vec<8>(staging + swizzled_offset(half * 8 + lane / 4, j * 2 + lane % 4 / 2, 128) + lane % 2 * 8,
                          packed);
    }
  }

  // In boxes of 16 rows of 128 bytes, each warp its own.
  DITUNE_DEVICE void store(const TileIndex& tile) {
    const int warp = thread / 32, lane = thread % 32;
    if constexpr (epilogue.out != Output::s32) {
      transaction_wait(Layout::terms_full(kPingpong ? consumer : 0), terms.parity);
      terms.advance();
    }
    DITUNE_UNROLL
    for (int block = 0; block < kBlocks; ++block) {
      DITUNE_UNROLL
      for (int chunk = 0; chunk < config.tile_n / kChunk; ++chunk) {
        const SharedAddress staging = Layout::staging(consumer, stored % kStagings) + warp * (kStagingBytes / 4);
        if (lane == 0) store_wait_read<kStagings - 1>();
        warp_barrier();
        DITUNE_UNROLL
        for (int j = 0; j < kChunk / 8; j += kBytes == 2 ? 2 : 1) {
          if constexpr (kBytes == 2) {
            stage_halves(staging, block, chunk, j);
          } else {
            stage_words(staging, block, chunk, j);
          }
        }
        async_fence();
        warp_barrier();
        if (lane == 0) {
          store_box(args.y, first_row(tile) + block * 64, tile.n + chunk * kChunk, staging);
          store_commit();
        }
        ++stored;
      }
    }
    if constexpr (epilogue.out != Output::s32) {
      if (lane == 0) transaction_arrive(Layout::terms_empty(kPingpong ? consumer : 0));
    }
  }

  // ---- stream-K

  static constexpr int kSums = kBlocks * config.tile_n / 8;  // of a thread, four at a time

  // The sums that this consumer of a CTA leaves to another; threads' lie side
  // by side.
  DITUNE_DEVICE int* slab(unsigned cta) const {
    constexpr long long kTile = static_cast<long long>(config.tile_m) * config.tile_n;
    return static_cast<int*>(args.gemm.workspace) + cta * kTile + consumer * (kTile / 2) + thread * 4;
  }
  DITUNE_DEVICE int* flag(unsigned cta) const {
    constexpr long long kTile = static_cast<long long>(config.tile_m) * config.tile_n;
    return static_cast<int*>(args.gemm.workspace) + grid_size() * kTile + 2 * cta + consumer;
  }

  DITUNE_DEVICE void leave_sums() const {
    int* const mine = slab(block_index());
    DITUNE_UNROLL
    for (int i = 0; i < kSums; ++i) {
      const int* four = &acc[0][0] + 4 * i;
      global_store_vec<16>(mine + i * kWarpgroup * 4,
                           Vec16{{static_cast<unsigned>(four[0]), static_cast<unsigned>(four[1]),
                                  static_cast<unsigned>(four[2]), static_cast<unsigned>(four[3])}});
    }
    named_barrier(1 + consumer,
                  kWarpgroup);  // all threads' sums are out before the one signal
    if (thread == 0) {
      device_fence();
      global_atomic_add(flag(block_index()), 1);
    }
  }

  // Adds what the clusters behind this one did of the tile, and leaves it zero.
  DITUNE_DEVICE void add_sums(const WorkWalk<config>& walk, const Segment& segment) {
    unsigned reached = segment.tile * walk.k_steps + segment.steps;
    const unsigned last = (segment.tile + 1) * walk.k_steps;
    unsigned cta = block_index();
    for (unsigned cluster = walk.cluster + 1; reached < last; ++cluster) {
      cta += cluster_size(config);
      reached = walk.part_begin(cluster + 1);
      if (thread == 0) {
        while (global_load_acquire(flag(cta)) == 0) {
        }
        global_store(flag(cta), 0);
      }
      named_barrier(1 + consumer, kWarpgroup);
      int* const other = slab(cta);
      constexpr int kBatch = 8;  // loads ahead of what waits for them
      DITUNE_UNROLL
      for (int first = 0; first < kSums; first += kBatch) {
        Vec16 four[kBatch];
        DITUNE_UNROLL
        for (int i = 0; i < kBatch; ++i) four[i] = global_load_l2_vec16(other + (first + i) * kWarpgroup * 4);
        DITUNE_UNROLL
        for (int i = 0; i < kBatch; ++i) {
          global_store_vec<16>(other + (first + i) * kWarpgroup * 4, Vec16{});
          DITUNE_UNROLL
          for (int c = 0; c < 4; ++c) (&acc[0][0])[4 * (first + i) + c] += static_cast<int>(four[i].word[c]);
        }
      }
    }
  }

  DITUNE_DEVICE void run() {
    WorkWalk<config> walk(args.gemm);
    if (kPingpong && consumer == 1) {
      cursor.skip(walk.k_steps);
      walk.next();
    }
    for (; walk.more(); walk.next()) {
      const Segment segment = walk.segment();
      const TileIndex tile = walk.origin(segment.tile);
      const bool finishes = config.decomposition == Decomposition::data_parallel || segment.first == 0;
      if (finishes) load_row_scales(tile);
      // In turns: a parity tells a stage's next round from this one, not from
      // the one after.
      if constexpr (kPingpong) transaction_wait(Layout::turn(consumer), turns.parity ^ (consumer == 0));
      multiply(segment.steps);
      if constexpr (kPingpong) {
        if (thread == 0) transaction_arrive(Layout::turn(consumer ^ 1));
        turns.advance();
      }
      if constexpr (config.decomposition == Decomposition::stream_k) {
        if (!finishes) {
          leave_sums();
          continue;
        }
        add_sums(walk, segment);
      }
      store(tile);
      if constexpr (kPingpong) {
        walk.next();
        cursor.skip(walk.k_steps);
      }
    }
    if (thread % 32 == 0) store_wait_read<0>();
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
      transaction_init(Layout::terms_empty(consumer), (kPingpong ? 1 : 2) * kWarpgroup / 32);
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
