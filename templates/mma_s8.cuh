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

// ---- load: global memory -> one stage of the pipeline

// Copies one operand's rows of a stage. A thread copies chunk (t % chunks) of row (t / chunks) and of every
// kRowsPerPass-th row after it.
template <MmaS8Config config, int rows, int vec>
struct OperandLoader {
  static constexpr int kChunks = config.tile_k / 16;
  static constexpr int kRowsPerPass = threads(config) / kChunks;
  static constexpr int kPasses = (rows + kRowsPerPass - 1) / kRowsPerPass;
  static_assert(kRowsPerPass % 8 == 0, "the swizzle must be the same in every pass");
  static_assert(kPasses <= 32, "one bit a pass");
  static_assert(vec == 0 || kRowsPerPass % (4 * vec) == 0 || 4 * vec % kRowsPerPass == 0, "row_step");

  int stride;
  int first_slot;             // the row of shared memory that this thread fills first
  SharedAddress offset;       // of that chunk in the operand's part of a stage
  const signed char* source;  // this thread's chunk of its first row, at the next block of K
  unsigned row_valid;         // bit p: pass p copies a row that exists

  DITUNE_DEVICE OperandLoader(long long row_stride, int thread)
      : stride(static_cast<int>(row_stride)),
        first_slot(thread / kChunks),
        offset(swizzled_offset(first_slot, thread % kChunks, config.tile_k)) {}

  // Output order: see column_of_slot. vec == 0: slots are rows.
  static DITUNE_HOST_DEVICE int row_of_slot(int slot) {
    return vec == 0 ? slot : column_of_slot(slot, vec == 0 ? 8 : vec);
  }

  // Rows from this thread's first row to the one of pass p: the same for all threads, since passes are whole groups of
  // tiles or divide one.
  static DITUNE_HOST_DEVICE int row_step(int pass) { return row_of_slot(pass * kRowsPerPass); }

  // The blocks that follow are those from `first_k` on of the rows from `first_row` on, of `row_count` that there are.
  DITUNE_DEVICE void start(const signed char* base, int first_row, long long row_count, int first_k) {
    const int thread = thread_index();
    const long long row = first_row + row_of_slot(thread / kChunks);
    source = base + row * stride + first_k + thread % kChunks * 16;
    row_valid = 0;
    DITUNE_UNROLL
    for (int pass = 0; pass < kPasses; ++pass) {
      row_valid |= static_cast<unsigned>(row + row_step(pass) < row_count) << pass;
    }
  }

  // Issues the copies of one pass, of which `remaining` bytes of this thread's row exist; zeros in place of what does
  // not.
  DITUNE_DEVICE void copy(SharedAddress operand, int pass, int remaining) const {
    if ((pass + 1) * kRowsPerPass > rows && first_slot + pass * kRowsPerPass >= rows) return;
    const SharedAddress destination = operand + offset + pass * kRowsPerPass * config.tile_k;
    const signed char* from = source + static_cast<long long>(stride) * row_step(pass);
    const bool valid = (row_valid >> pass & 1) != 0;
    if constexpr (config.load == 1) {
      shared_store_vec<16>(destination, load_bytes(from, valid ? remaining : 0));
    } else {
      DITUNE_UNROLL
      for (int part = 0; part < 16; part += config.load) {
        copy_async<config.load>(destination + part, from + part, valid && part < remaining);
      }
    }
  }

  // The first `count` of 16 bytes at any alignment, zeros behind them.
  static DITUNE_DEVICE Vec16 load_bytes(const signed char* from, int count) {
    Vec16 v{};
    DITUNE_UNROLL
    for (int i = 0; i < 16; ++i) {
      if (i < count) v.word[i / 4] |= (static_cast<unsigned>(global_load(from + i)) & 0xff) << (i % 4 * 8);
    }
    return v;
  }
};

// The blocks of K of this CTA's tiles, one after another, both operands: the pipeline does not end with a tile.
template <MmaS8Config config, int vec>
struct StageLoader {
  OperandLoader<config, config.tile_m, 0> x;
  OperandLoader<config, config.tile_n, vec> w;
  unsigned work;    // what the next block belongs to
  int blocks_left;  // of it
  int remaining;    // elements of K from this thread's chunk on to the end of this CTA's part

  DITUNE_DEVICE StageLoader(const GemmArgs& args, int thread)
      : x(args.ldx, thread), w(args.ldw, thread), work(block_index()) {
    start(args);
  }

  DITUNE_DEVICE void start(const GemmArgs& args) {
    const CtaTile tile = cta_tile<config>(args, work);
    x.start(args.x, tile.row, args.m, tile.k_begin);
    w.start(args.w, tile.column, args.n, tile.k_begin);
    blocks_left = tile.k_blocks;
    const int k_end = tile.k_begin + tile.k_blocks * config.tile_k;
    const int k = static_cast<int>(args.k);
    remaining = (k_end < k ? k_end : k) - tile.k_begin - thread_index() % decltype(x)::kChunks * 16;
  }

  // Before the first portion of a block. Blocks behind the last are zeros: the pipeline never runs dry and needs no
  // branch.
  DITUNE_DEVICE void next_block(const GemmArgs& args) {
    if constexpr (config.schedule == Schedule::persistent) {
      if (blocks_left == 0) {
        work += grid_size();
        const TileIndex tiles = tile_counts<config>(args);
        if (work < tiles.m * tiles.n) {
          start(args);
        } else {
          x.row_valid = w.row_valid = 0;
        }
      }
      --blocks_left;
    }
  }

  // A block is copied in `steps` portions, so that the copies spread between the multiplications. Byte loads come all
  // at once, in a loop: unrolled, their registers would spill.
  template <int steps>
  DITUNE_DEVICE void copy_portion(SharedAddress stage, int step) {
    constexpr int kPassesX = decltype(x)::kPasses;
    constexpr int kPassesW = decltype(w)::kPasses;
    const SharedAddress stage_w = stage + config.tile_m * config.tile_k;
    if constexpr (config.load == 1) {
      if (step == 0) {
        DITUNE_NO_UNROLL
        for (int pass = 0; pass < kPassesX; ++pass) x.copy(stage, pass, remaining);
        DITUNE_NO_UNROLL
        for (int pass = 0; pass < kPassesW; ++pass) w.copy(stage_w, pass, remaining);
      }
    } else {
      DITUNE_UNROLL
      for (int pass = 0; pass < kPassesX + kPassesW; ++pass) {
        if (pass * steps / (kPassesX + kPassesW) != step) continue;
        if (pass < kPassesX) {
          x.copy(stage, pass, remaining);
        } else {
          w.copy(stage_w, pass - kPassesX, remaining);
        }
      }
    }
    if (step == steps - 1) {
      copy_async_commit();
      x.source += config.tile_k;
      w.source += config.tile_k;
      remaining -= config.tile_k;
    }
  }
};

// ---- multiply: one stage -> accumulators

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

// ---- reduce: the parts of K -> one CTA

// Where the CTAs of one tile meet. Each takes a rank when it starts: all but the last to start leave their sums in a
// slab of their own, which the last waits for (they are running, so it waits for nobody who waits for it), adds, and
// leaves zero. Integer sums are exact in any order.
template <MmaS8Config config>
struct SplitK {
  static constexpr long long kTileElements = static_cast<long long>(config.tile_m) * config.tile_n;
  static constexpr int kFinisher = config.split_k - 1;
  static constexpr int kPairs = WarpTile<config>::kTilesN / 2;

  int* slabs;    // [split_k - 1][tile elements]
  int* started;  // CTAs that have a rank
  int* done;     // CTAs whose slab is complete

  DITUNE_DEVICE SplitK(const GemmArgs& args, const CtaTile& tile) {
    const TileIndex tiles = tile_counts<config>(args);
    slabs = static_cast<int*>(args.workspace) + tile.index * kTileElements * kFinisher;
    started = static_cast<int*>(args.workspace) + tiles.m * tiles.n * kTileElements * kFinisher + 2 * tile.index;
    done = started + 1;
  }

  // For thread 0, which passes it on to finishes().
  DITUNE_DEVICE int rank() const { return thread_index() == 0 ? global_atomic_add(started, 1) : 0; }

  // Where a thread's sums (i, half, columns of tiles 2 * pair and 2 * pair + 1) lie behind its first: neighbouring
  // threads' lie side by side.
  static DITUNE_HOST_DEVICE int slab_offset(int i, int half, int pair) {
    return ((i * 2 + half) * kPairs + pair) * threads(config) * 4;
  }

  // `mine`: this thread's first sums in a slab.
  static DITUNE_DEVICE void store(const WarpTile<config>& sums, int* mine) {
    DITUNE_UNROLL
    for (int i = 0; i < WarpTile<config>::kTilesM; ++i) {
      DITUNE_UNROLL
      for (int v = 0; v < 2 * kPairs; ++v) {
        const int half = v / kPairs, pair = v % kPairs;
        Vec16 packed;
        DITUNE_UNROLL
        for (int c = 0; c < 4; ++c) {
          packed.word[c] = static_cast<unsigned>(sums.acc[i][2 * pair + c / 2][half * 2 + c % 2]);
        }
        global_store_vec<16>(mine + slab_offset(i, half, pair), packed);
      }
    }
  }

  // Loads ahead of what waits for them: a round trip to L2 for 16 rows, not one for each vector.
  static DITUNE_DEVICE void add(WarpTile<config>& sums, int* mine) {
    DITUNE_UNROLL
    for (int i = 0; i < WarpTile<config>::kTilesM; ++i) {
      Vec16 other[2 * kPairs];
      DITUNE_UNROLL
      for (int v = 0; v < 2 * kPairs; ++v) {
        other[v] = global_load_l2_vec16(mine + slab_offset(i, v / kPairs, v % kPairs));
      }
      DITUNE_UNROLL
      for (int v = 0; v < 2 * kPairs; ++v) {
        const int half = v / kPairs, pair = v % kPairs;
        global_store_vec<16>(mine + slab_offset(i, half, pair), Vec16{});
        DITUNE_UNROLL
        for (int c = 0; c < 4; ++c) {
          sums.acc[i][2 * pair + c / 2][half * 2 + c % 2] += static_cast<int>(other[v].word[c]);
        }
      }
    }
  }

  // True in one CTA of the tile, which then holds the whole sums; the others have nothing more to do.
  DITUNE_DEVICE bool finishes(WarpTile<config>& sums, int rank) const {
    copy_async_wait<0>();
    block_barrier();  // nobody reads or fills the pipeline any more: its memory tells all threads the rank
    if (thread_index() == 0) shared_store(shared_memory(), static_cast<unsigned>(rank));
    block_barrier();
    rank = static_cast<int>(shared_load(shared_memory()));
    int* const mine = slabs + thread_index() * 4;
    if (rank != kFinisher) {
      store(sums, mine + rank * kTileElements);
      block_barrier();  // all threads' sums are out before the one signal
      if (thread_index() == 0) {
        device_fence();
        global_atomic_add(done, 1);
      }
      return false;
    }
    if (thread_index() == 0) {
      while (global_load_acquire(done) != kFinisher) {
      }
    }
    block_barrier();
    for (int part = 0; part < kFinisher; ++part) add(sums, mine + part * kTileElements);
    if (thread_index() == 0) {
      global_store(started, 0);
      global_store(done, 0);
    }
    return true;
  }
};

// ---- epilogue and store

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

template <MmaS8Config config, Epilogue epilogue>
DITUNE_DEVICE void mma_s8(const GemmArgs& args) {
  static_assert(config.schedule == Schedule::each || config.split_k == 1,
                "SplitK tells the rank in the pipeline's memory");
  constexpr int kVec = output_vector(config, epilogue.out);
  WarpTile<config> result;
  if constexpr (config.schedule == Schedule::each) {
    const CtaTile tile = cta_tile<config>(args, block_index());
    prefetch_terms<epilogue>(args, tile.row, config.tile_m, tile.column, config.tile_n, thread_index());
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
