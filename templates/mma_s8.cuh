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

// Adjacent outputs that a lane stores at once: 16 bytes where the warp tile is wide enough, else 8.
DITUNE_HOST_DEVICE int output_vector(const MmaS8Config& c, Output out) {
  return output_bytes(out) == 2 && warp_n(c) % 32 == 0 ? 8 : 4;
}

// The part of the problem that one CTA works on.
struct CtaTile {
  int index;              // of the tile in launch order
  int row, column;        // of its first output
  int k_begin, k_blocks;  // its part of K, in elements and in steps of tile_k
};

template <MmaS8Config config>
DITUNE_DEVICE CtaTile cta_tile(const GemmArgs& args) {
  const int tiles_m = static_cast<int>(ceil_div(args.m, config.tile_m));
  const int tiles_n = static_cast<int>(ceil_div(args.n, config.tile_n));
  const int tiles = tiles_m * tiles_n;
  const int index = config.split_k == 1 ? block_index() : block_index() % tiles;
  const int part = config.split_k == 1 ? 0 : block_index() / tiles;
  const TileIndex tile = rasterize(index, tiles_m, tiles_n, config.group);
  const int blocks = static_cast<int>(ceil_div(args.k, config.tile_k));
  const int first = blocks * part / config.split_k;
  const int last = blocks * (part + 1) / config.split_k;
  return {index, tile.m * config.tile_m, tile.n * config.tile_n, first * config.tile_k, last - first};
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

  const signed char* source;  // this thread's chunk of its first row, at the next block of K
  int stride;
  int first_slot;        // the row of shared memory that this thread fills first
  SharedAddress offset;  // of that chunk in the operand's part of a stage
  unsigned row_valid;    // bit p: pass p copies a row that exists
  int remaining;         // elements of K from this chunk on to the end of this CTA's part

  // Output order: see column_of_slot. vec == 0: slots are rows.
  static DITUNE_HOST_DEVICE int row_of_slot(int slot) {
    return vec == 0 ? slot : column_of_slot(slot, vec == 0 ? 8 : vec);
  }

  // Rows from this thread's first row to the one of pass p: the same for all threads, since passes are whole groups of
  // tiles or divide one.
  static DITUNE_HOST_DEVICE int row_step(int pass) { return row_of_slot(pass * kRowsPerPass); }

  DITUNE_DEVICE OperandLoader(const signed char* base, long long row_stride, long long first_row, long long row_count,
                              const CtaTile& tile, long long k) {
    const int chunk = thread_index() % kChunks;
    first_slot = thread_index() / kChunks;
    const int row = row_of_slot(first_slot);
    stride = static_cast<int>(row_stride);
    source = base + (first_row + row) * row_stride + tile.k_begin + chunk * 16;
    offset = swizzled_offset(first_slot, chunk, config.tile_k);
    const long long k_end = tile.k_begin + static_cast<long long>(tile.k_blocks) * config.tile_k;
    remaining = static_cast<int>((k_end < k ? k_end : k) - tile.k_begin) - chunk * 16;
    row_valid = 0;
    DITUNE_UNROLL
    for (int pass = 0; pass < kPasses; ++pass) {
      row_valid |= static_cast<unsigned>(first_row + row + row_step(pass) < row_count) << pass;
    }
  }

  // Issues the copies of one pass; rows and columns outside the matrix are filled with zeros.
  DITUNE_DEVICE void copy(SharedAddress operand, int pass) const {
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

  DITUNE_DEVICE void advance() {
    source += config.tile_k;
    remaining -= config.tile_k;
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

// Both operands. A block of K is copied in `steps` portions, so that the copies spread between the multiplications.
template <MmaS8Config config, int vec>
struct StageLoader {
  OperandLoader<config, config.tile_m, 0> x;
  OperandLoader<config, config.tile_n, vec> w;

  template <int steps>
  DITUNE_DEVICE void copy_portion(SharedAddress stage, int step) {
    constexpr int kPassesX = decltype(x)::kPasses;
    constexpr int kPasses = kPassesX + decltype(w)::kPasses;
    DITUNE_UNROLL
    for (int pass = 0; pass < kPasses; ++pass) {
      if (pass * steps / kPasses != step) continue;
      if (pass < kPassesX) {
        x.copy(stage, pass);
      } else {
        w.copy(stage + config.tile_m * config.tile_k, pass - kPassesX);
      }
    }
    if (step == steps - 1) {
      copy_async_commit();
      x.advance();
      w.advance();
    }
  }
};

// ---- multiply: one stage -> accumulators

template <MmaS8Config config>
struct WarpTile {
  static constexpr int kTilesM = warp_m(config) / 16;
  static constexpr int kTilesN = warp_n(config) / 8;
  int acc[kTilesM][kTilesN][4];
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

template <MmaS8Config config, int vec>
DITUNE_DEVICE void multiply_tile(WarpTile<config>& result, const CtaTile& tile, const GemmArgs& args) {
  constexpr int kSteps = config.tile_k / 32;
  constexpr int kCopySteps = kSteps - 1;  // the last step waits for what the others issued
  const SharedAddress shared = shared_memory();
  StageLoader<config, vec> loader{{args.x, args.ldx, tile.row, args.m, tile, args.k},
                                  {args.w, args.ldw, tile.column, args.n, tile, args.k}};

  const int lane = thread_index() % 32;
  const LanePlace place = lane_place<config>();
  SharedAddress x = shared + swizzled_offset(place.warp_row + lane % 16, lane / 16, config.tile_k);
  SharedAddress w = shared + config.tile_m * config.tile_k +
                    swizzled_offset(place.warp_column + lane % 8 + lane / 16 * 8, lane / 8 % 2, config.tile_k);

  // fill the pipeline
  DITUNE_UNROLL
  for (int stage = 0; stage < config.stages - 1; ++stage) {
    DITUNE_UNROLL
    for (int step = 0; step < kCopySteps; ++step) {
      loader.template copy_portion<kCopySteps>(shared + stage * stage_bytes(config), step);
    }
  }
  DITUNE_UNROLL
  for (int i = 0; i < WarpTile<config>::kTilesM; ++i) {
    DITUNE_UNROLL
    for (int j = 0; j < WarpTile<config>::kTilesN; ++j) {
      DITUNE_UNROLL
      for (int c = 0; c < 4; ++c) result.acc[i][j][c] = 0;
    }
  }
  copy_async_wait<config.stages - 2>();
  block_barrier();

  int read_stage = 0;
  SharedAddress write = shared + (config.stages - 1) * stage_bytes(config);
  // The next stage has landed for all warps, and all have read the last of this one. Blocks beyond K are zeros, so the
  // pipeline never runs dry and needs no branch.
  const auto next_stage = [&] {
    copy_async_wait<config.stages - 2>();
    block_barrier();
    const bool wraps = read_stage == config.stages - 1;
    const int advance = wraps ? -(config.stages - 1) * stage_bytes(config) : stage_bytes(config);
    write = shared + read_stage * stage_bytes(config);
    read_stage = wraps ? 0 : read_stage + 1;
    x += advance;
    w += advance;
  };
#ifdef DITUNE_ROLLING
  constexpr int TM = WarpTile<config>::kTilesM, P = WarpTile<config>::kTilesN / 2;
  unsigned fa[TM][4], fb[2][4];
  load_matrix_x4(fb[0], w);
  DITUNE_UNROLL
  for (int i = 0; i < TM; ++i) load_matrix_x4(fa[i], x + i * 16 * config.tile_k);
  for (int block = 0; block < tile.k_blocks; ++block) {
    DITUNE_UNROLL
    for (int step = 0; step < kSteps; ++step) {
      if (step < kCopySteps) loader.template copy_portion<kCopySteps>(write, step);
      DITUNE_UNROLL
      for (int j = 0; j < P; ++j) {
        const int now = (step * P + j) % 2;
        if (j + 1 < P) {
          load_matrix_x4(fb[now ^ 1], (w ^ (step * 32)) + (j + 1) * 16 * config.tile_k);
        } else {
          if (step == kSteps - 1) next_stage();
          load_matrix_x4(fb[now ^ 1], w ^ ((step + 1) % kSteps * 32));
        }
        DITUNE_UNROLL
        for (int i = 0; i < TM; ++i) {
          mma_m16n8k32_s8(result.acc[i][2 * j], fa[i], fb[now][0], fb[now][1]);
          mma_m16n8k32_s8(result.acc[i][2 * j + 1], fa[i], fb[now][2], fb[now][3]);
          if (j == P - 1) load_matrix_x4(fa[i], (x ^ ((step + 1) % kSteps * 32)) + i * 16 * config.tile_k);
        }
      }
    }
  }
#else
  Fragments<config> fragments[2];
  fragments[0].load(x, w, 0);
  for (int block = 0; block < tile.k_blocks; ++block) {
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
#endif
  copy_async_wait<0>();
}

// ---- reduce: the parts of K -> one CTA

// Adds this CTA's sums to the tile's in the workspace. The last CTA to arrive takes the total, leaves zeros behind and
// returns true.
template <MmaS8Config config>
DITUNE_DEVICE bool reduce_parts(WarpTile<config>& result, const CtaTile& tile, const GemmArgs& args) {
  constexpr long long kTileElements = static_cast<long long>(config.tile_m) * config.tile_n;
  const long long tiles = ceil_div(args.m, config.tile_m) * ceil_div(args.n, config.tile_n);
  int* sums = static_cast<int*>(args.workspace) + tile.index * kTileElements + thread_index();
  int* arrivals = static_cast<int*>(args.workspace) + tiles * kTileElements + tile.index;
  const LanePlace place = lane_place<config>();

  // Element (i, j, c) of every thread lies side by side: coalesced. Rows beyond M are left out.
  const auto for_each = [&](auto&& visit) {
    DITUNE_UNROLL
    for (int i = 0; i < WarpTile<config>::kTilesM; ++i) {
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) {
        if (tile.row + place.warp_row + i * 16 + half * 8 + place.group >= args.m) continue;
        DITUNE_UNROLL
        for (int j = 0; j < WarpTile<config>::kTilesN; ++j) {
          DITUNE_UNROLL
          for (int c = half * 2; c < half * 2 + 2; ++c) {
            visit(sums + ((i * WarpTile<config>::kTilesN + j) * 4 + c) * threads(config), result.acc[i][j][c]);
          }
        }
      }
    }
  };

  for_each([](int* sum, int& mine) { global_reduce_add(sum, mine); });
  device_fence();
  block_barrier();  // every thread's sums are out; nobody reads the pipeline any more
  if (thread_index() == 0) {
    shared_store(shared_memory(), static_cast<unsigned>(global_atomic_add(arrivals, 1)));
  }
  block_barrier();
  if (shared_load(shared_memory()) != static_cast<unsigned>(config.split_k - 1)) return false;
  device_fence();
  for_each([](int* sum, int& mine) {
    mine = global_load_l2(sum);
    global_store(sum, 0);
  });
  if (thread_index() == 0) global_store(arrivals, 0);
  block_barrier();  // the flag in shared memory has been read by all
  return true;
}

// ---- epilogue and store

template <MmaS8Config config, Epilogue epilogue>
DITUNE_DEVICE void store_tile(const WarpTile<config>& result, const CtaTile& tile, const GemmArgs& args) {
  constexpr int kVec = output_vector(config, epilogue.out);
  constexpr int kGroups = warp_n(config) / (4 * kVec);  // groups of columns that four lanes share
  constexpr int kVecBytes = kVec * output_bytes(epilogue.out);
  constexpr int kRowBytes = warp_n(config) * output_bytes(epilogue.out);
  constexpr int kPitch = kRowBytes + 16;
  const LanePlace place = lane_place<config>();
  const int lane = thread_index() % 32;
  const int first_row = tile.row + place.warp_row;
  const int first_column = tile.column + place.warp_column;
  const SharedAddress staging = shared_memory() + thread_index() / 32 * staging_bytes(config, epilogue.out);

  ColumnTerms<epilogue, kVec> columns[kGroups];
  DITUNE_UNROLL
  for (int g = 0; g < kGroups; ++g) columns[g].load(args, first_column + (g * 4 + place.quad) * kVec);

  if constexpr (config.staging == Staging::shared) block_barrier();  // nobody reads the pipeline any more
  DITUNE_UNROLL
  for (int i = 0; i < WarpTile<config>::kTilesM; ++i) {
    DITUNE_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int row = first_row + i * 16 + half * 8 + place.group;
      const float row_scale = load_row_scale<epilogue>(args, row);
      DITUNE_UNROLL
      for (int g = 0; g < kGroups; ++g) {
        int acc[kVec];
        DITUNE_UNROLL
        for (int e = 0; e < kVec; ++e) acc[e] = result.acc[i][g * (kVec / 2) + e / 2][half * 2 + e % 2];
        const Vec16 packed = finish(acc, row_scale, columns[g]);
        const int vector = g * 4 + place.quad;
        if constexpr (config.staging == Staging::shared) {
          shared_store_vec<kVecBytes>(staging + (half * 8 + place.group) * kPitch + vector * kVecBytes, packed);
        } else if (row < args.m) {
          store_outputs<epilogue, kVec>(args, row, first_column + vector * kVec, packed);
        }
      }
    }
    if constexpr (config.staging == Staging::shared) {
      constexpr int kRowVectors = kRowBytes / 16;
      constexpr int kElements = 16 / output_bytes(epilogue.out);
      warp_barrier();
      DITUNE_UNROLL
      for (int v = 0; v < 16 * kRowVectors; v += 32) {
        const int local_row = (v + lane) / kRowVectors;
        const int vector = (v + lane) % kRowVectors;
        const int row = first_row + i * 16 + local_row;
        if (local_row < 16 && row < args.m) {
          store_outputs<epilogue, kElements>(args, row, first_column + vector * kElements,
                                             shared_load_vec16(staging + local_row * kPitch + vector * 16));
        }
      }
      warp_barrier();
    }
  }
}

template <MmaS8Config config, Epilogue epilogue>
DITUNE_DEVICE void mma_s8(const GemmArgs& args) {
  constexpr int kVec = output_vector(config, epilogue.out);
  const CtaTile tile = cta_tile<config>(args);
  WarpTile<config> result;
  multiply_tile<config, kVec>(result, tile, args);
  if constexpr (config.split_k > 1) {
    if (!reduce_parts(result, tile, args)) return;
  }
  store_tile<config, epilogue>(result, tile, args);
}

}  // namespace ditune
