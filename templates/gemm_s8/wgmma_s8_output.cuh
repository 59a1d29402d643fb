// SPDX-License-Identifier: Apache-2.0
// Family wgmma_s8: accumulators of a consumer warpgroup -> epilogue -> Y.
#pragma once

#include "dequantize.cuh"
#include "gemm_args.cuh"
#include "hopper.cuh"
#include "layout.cuh"
#include "wgmma_s8_config.cuh"
#include "wgmma_s8_work.cuh"

namespace ditune {

// A consumer warpgroup, and this thread's place in it.
template <WgmmaS8Config config>
struct Consumer {
  int index;   // 0 or 1
  int thread;  // of the warpgroup

  DITUNE_DEVICE int warp() const { return thread / 32; }
  DITUNE_DEVICE int lane() const { return thread % 32; }
  // Of its rows in the CTA tile.
  DITUNE_DEVICE int first_row() const {
    return config.consumers == Consumers::pingpong ? 0 : index * warpgroup_rows(config);
  }
  // Which of the tiles at work is its own.
  DITUNE_DEVICE int tile() const { return config.consumers == Consumers::pingpong ? index : 0; }
};

// The accumulators of a consumer, in blocks of 64 rows: see wgmma_m64k32_s8.
template <WgmmaS8Config config>
struct WarpgroupTile {
  static constexpr int kBlocks = warpgroup_rows(config) / 64;
  int acc[kBlocks][config.tile_n / 2];
};

// The outputs of one consumer.
template <WgmmaS8Config config, Epilogue epilogue>
struct WarpgroupOutput {
  using Layout = WgmmaLayout<config>;
  static constexpr int kBlocks = WarpgroupTile<config>::kBlocks;
  static constexpr int kBytes = output_bytes(epilogue.out);
  static constexpr int kBoxBytes = y_box_bytes(config, epilogue);  // of a row
  static constexpr int kBox = kBoxBytes / kBytes;                  // outputs
  static constexpr int kTileOutputs = outputs_of(epilogue, 8);     // of the 8 columns of a tile of wgmma
  static constexpr int kBoxTiles = kBox / kTileOutputs;
  static constexpr int kBoxes = outputs_of(epilogue, config.tile_n) / kBox;
  // A residual of the outputs' size is copied to where its box of outputs will be; another one is read as it is needed.
  static constexpr bool kStagesResidual = stages_residual(epilogue);
  using Residuals = ResidualTerms<epilogue.residual, 2>;

  const TmaGemmArgsOf<epilogue>& args;
  const Consumer<config> consumer;
  StageCursor<1> terms{};
  unsigned stored = 0;   // boxes
  bool has_gate = true;  // one for all rows of the tile, in shared memory
  float row_scale[kBlocks][2];

  DITUNE_DEVICE int first_row(const TileIndex& tile) const {  // of this warp's first 16
    return static_cast<int>(tile.m) + consumer.first_row() + consumer.warp() * 16;
  }

  // Ahead of the multiplication, which hides the latency.
  DITUNE_DEVICE void begin(const TileIndex& tile) {
    load_row_scales(tile);
    if constexpr (epilogue.gate == Gate::table)
      has_gate = gate_of_tile<config, epilogue.gate>(args.gemm, args, tile) >= 0;
    if constexpr (kStagesResidual) {
      if (consumer.lane() == 0) {
        store_wait_read<0>();
        DITUNE_UNROLL
        for (int i = 0; i < config.staging; ++i) copy_residual(tile, i, stored + i);
      }
    }
  }

  DITUNE_DEVICE void load_row_scales(const TileIndex& tile) {
    DITUNE_UNROLL
    for (int block = 0; block < kBlocks; ++block) {
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) {
        row_scale[block][half] =
            load_row_scale<epilogue>(args.gemm, first_row(tile) + block * 64 + half * 8 + consumer.lane() / 4);
      }
    }
  }

  // The lane's two adjacent columns of the 8 of tile j.
  DITUNE_DEVICE ColumnTerms<epilogue, 2> column_terms(int j) const {
    ColumnTerms<epilogue, 2> two;
    if constexpr (epilogue.out != Output::s32) {
      const int column = j * 8 + consumer.lane() % 4 * 2;
      const SharedAddress scales = Layout::terms(consumer.tile()), biases = scales + 4 * config.tile_n;
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

  DITUNE_DEVICE SharedAddress staging(unsigned which) const {
    return Layout::staging(consumer.index, which % config.staging) + consumer.warp() * (kStagingBytes / 4);
  }
  DITUNE_DEVICE SharedAddress residual_full(unsigned which) const {
    return Layout::template residual_full<epilogue>(consumer.index * 4 + consumer.warp(), which % config.staging);
  }

  // Of the tile's box `index`, if there is one, to where its outputs will be. By one lane.
  DITUNE_DEVICE void copy_residual(const TileIndex& tile, int index, unsigned which) const {
    if (index >= kBlocks * kBoxes) return;
    transaction_expect(residual_full(which), 16 * kBoxBytes);
    load_box(staging(which), args.residual, first_row(tile) + index / kBoxes * 64,
             static_cast<int>(tile.n) + index % kBoxes * kBox, residual_full(which));
  }

  // 16 rows of outputs that lie side by side in shared memory, on their way to Y.
  struct Box {
    TileIndex origin;  // of the CTA's tile
    int block, index;
    SharedAddress staging;
  };

  // The lane's columns of tile j of a box, and of its rows 0 to 7 or 8 to 15.
  DITUNE_DEVICE Place place(const Box& box, int j, int half, int lane) const {
    return {first_row(box.origin) + box.block * 64 + half * 8 + lane / 4,
            static_cast<int>(box.origin.n) + (box.index * kBoxTiles + j) * 8 + lane % 4 * 2};
  }
  DITUNE_DEVICE RowPart<2> row_part(const WarpgroupTile<config>& result, const Box& box, int j, int half) const {
    const int* two = &result.acc[box.block][(box.index * kBoxTiles + j) * 4 + half * 2];
    return {place(box, j, half, consumer.lane()), {two[0], two[1]}};
  }

  // The gate of the lane's two columns of tile j, where one serves all rows.
  DITUNE_DEVICE void load_gate(Residuals& terms, int j) const {
    if constexpr (gate_bytes(config, epilogue) > 0) {
      const int column = j * 8 + consumer.lane() % 4 * 2;
      const SharedAddress gates = Layout::gates(consumer.tile());
      unsigned words[2] = {};
      if constexpr (residual_bytes(epilogue.residual) == 4) {
        shared_load_pair(words, gates + column * 4);
      } else {
        words[0] = shared_load(gates + column * 2);
      }
      Residuals::unpack(terms.g, words);
    }
  }

  // What the outputs of `half` of the rows are added to. The slow ways read the thread's number again, so that no
  // address is kept in a register for them.
  template <bool one_gate>
  DITUNE_DEVICE void load_residual(Residuals& terms, const Box& box, int j, int half,
                                   const unsigned (&staged)[2]) const {
    if constexpr (epilogue.residual != Residual::none) {
      if constexpr (kStagesResidual) {
        Residuals::unpack(terms.r, staged);
      } else {
        terms.load_residual(args.gemm, args, place(box, j, half, thread_index() % 32));
      }
      if constexpr (!one_gate) {
        terms.load_gate(args.gemm, args, epilogue.gate, place(box, j, half, thread_index() % 32));
      }
    }
  }

  // Two bytes an output: 16 rows of 16 columns, tiles j and j + 1.
  template <bool one_gate>
  DITUNE_DEVICE void stage_halves(const WarpgroupTile<config>& result, const Box& box, int j) const {
    const int lane = consumer.lane();
    unsigned packed[4];  // rows 0 and 8 of tile j, of tile j + 1
    unsigned staged[4] = {};
    if constexpr (kStagesResidual)
      load_matrix_x4(staged, box.staging + swizzled_offset(lane % 16, j + lane / 16, kBoxBytes));
    DITUNE_UNROLL
    for (int t = 0; t < 2; ++t) {
      const ColumnTerms<epilogue, 2> columns = column_terms(box.index * kBoxTiles + j + t);
      Residuals terms;
      load_gate(terms, box.index * kBoxTiles + j + t);
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) {
        const RowPart<2> part = row_part(result, box, j + t, half);
        load_residual<one_gate>(terms, box, j + t, half, {staged[t * 2 + half], 0});
        packed[t * 2 + half] = finish(part, row_scale[box.block][half], columns, terms).word[0];
      }
    }
    store_matrix_x4(box.staging + swizzled_offset(lane % 16, j + lane / 16, kBoxBytes), packed);
  }

  // Four bytes an output, or one output of two columns: 16 rows of tile j.
  template <bool one_gate>
  DITUNE_DEVICE void stage_tile(const WarpgroupTile<config>& result, const Box& box, int j) const {
    const ColumnTerms<epilogue, 2> columns = column_terms(box.index * kBoxTiles + j);
    Residuals terms;
    load_gate(terms, box.index * kBoxTiles + j);
    DITUNE_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int lane = consumer.lane(), row = half * 8 + lane / 4;
      const int at = (j * kTileOutputs + lane % 4 * (kTileOutputs / 4)) * kBytes;  // in a row of the box
      const SharedAddress to = box.staging + swizzled_offset(row, at / 16, kBoxBytes) + at % 16;
      unsigned staged[2] = {};
      if constexpr (kStagesResidual) shared_load_pair(staged, to);
      const RowPart<2> part = row_part(result, box, j, half);
      load_residual<one_gate>(terms, box, j, half, staged);
      const Vec16 packed = finish(part, row_scale[box.block][half], columns, terms);
      if constexpr (kBytes == 2) {
        shared_store_half(to, static_cast<unsigned short>(packed.word[0]));
      } else {
        shared_store_vec<kTileOutputs / 4 * kBytes>(to, packed);
      }
    }
  }

  // In boxes of 16 rows, each warp its own.
  template <bool one_gate>
  DITUNE_DEVICE void store(const WarpgroupTile<config>& result, const TileIndex& tile) {
    constexpr bool kPairs = kBytes == 2 && kTileOutputs == 8;  // of tiles
    const int lane = consumer.lane();
    if constexpr (epilogue.out != Output::s32) {
      transaction_wait(Layout::terms_full(consumer.tile()), terms.parity);
      terms.advance();
    }
    DITUNE_UNROLL
    for (int block = 0; block < kBlocks; ++block) {
      DITUNE_UNROLL
      for (int index = 0; index < kBoxes; ++index) {
        const Box box{tile, block, index, staging(stored)};
        if constexpr (kStagesResidual) {
          transaction_wait(residual_full(stored), stored / config.staging & 1);
        } else {
          if (lane == 0) store_wait_read<config.staging - 1>();
          warp_barrier();
        }
        DITUNE_UNROLL
        for (int j = 0; j < kBoxTiles; j += kPairs ? 2 : 1) {
          if constexpr (kPairs) {
            stage_halves<one_gate>(result, box, j);
          } else {
            stage_tile<one_gate>(result, box, j);
          }
        }
        if constexpr (kStagesResidual) {
          const int done = block * kBoxes + index;
          if (done > 0 && lane == 0) {  // the place of the box before this one, whose outputs should be out by now
            store_wait_read<0>();
            copy_residual(tile, done + config.staging - 1, stored + config.staging - 1);
          }
        }
        async_fence();
        warp_barrier();
        if (lane == 0) {
          store_box(args.y, first_row(tile) + block * 64, outputs_of(epilogue, static_cast<int>(tile.n)) + index * kBox,
                    box.staging);
          store_commit();
        }
        ++stored;
      }
    }
    if constexpr (epilogue.out != Output::s32) {
      if (lane == 0) transaction_arrive(Layout::terms_empty(consumer.tile()));
    }
  }
};

}  // namespace ditune
