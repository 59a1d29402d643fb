// SPDX-License-Identifier: Apache-2.0
// Family mma_s8: global memory -> the stages of the pipeline.
#pragma once

#include "gemm_args.cuh"
#include "hardware.cuh"
#include "layout.cuh"
#include "mma_s8_config.cuh"
#include "mma_s8_tile.cuh"

namespace ditune {

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

}  // namespace ditune
