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
  static constexpr int kBoxBytes = y_box_bytes(config, epilogue.out);  // of a row
  static constexpr int kBox = kBoxBytes / kBytes;                      // columns

  const TmaGemmArgs& args;
  const Consumer<config> consumer;
  StageCursor<1> terms{};
  unsigned stored = 0;  // boxes
  float row_scale[kBlocks][2];

  DITUNE_DEVICE int first_row(const TileIndex& tile) const {  // of this warp's first 16
    return static_cast<int>(tile.m) + consumer.first_row() + consumer.warp() * 16;
  }

  // Ahead of the multiplication, which hides the latency.
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

  // Two bytes an output: 16 rows of 16 columns, tiles j and j + 1 of a box.
  DITUNE_DEVICE void stage_halves(SharedAddress staging, const WarpgroupTile<config>& result, int block, int box,
                                  int j) const {
    const int lane = consumer.lane();
    unsigned packed[4];  // rows 0 and 8 of tile j, of tile j + 1
    DITUNE_UNROLL
    for (int t = 0; t < 2; ++t) {
      const int tile = box * (kBox / 8) + j + t;
      const ColumnTerms<epilogue, 2> columns = column_terms(tile);
      DITUNE_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int* two = &result.acc[block][tile * 4 + half * 2];
        const float low = dequantize(two[0], row_scale[block][half], columns, 0);
        const float high = dequantize(two[1], row_scale[block][half], columns, 1);
        packed[t * 2 + half] = epilogue.out == Output::bf16 ? pack_bf16(low, high) : pack_f16(low, high);
      }
    }
    store_matrix_x4(staging + swizzled_offset(lane % 16, j + lane / 16, kBoxBytes), packed);
  }

  // Four bytes an output: 16 rows of 8 columns, tile j of a box.
  DITUNE_DEVICE void stage_words(SharedAddress staging, const WarpgroupTile<config>& result, int block, int box,
                                 int j) const {
    const int lane = consumer.lane(), tile = box * (kBox / 8) + j;
    const ColumnTerms<epilogue, 2> columns = column_terms(tile);
    DITUNE_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int* two = &result.acc[block][tile * 4 + half * 2];
      Vec16 packed{};
      DITUNE_UNROLL
      for (int i = 0; i < 2; ++i) {
        if constexpr (epilogue.out == Output::s32) {
          packed.word[i] = static_cast<unsigned>(two[i]);
        } else {
          packed.word[i] = float_bits(dequantize(two[i], row_scale[block][half], columns, i));
        }
      }
      shared_store_vec<8>(
          staging + swizzled_offset(half * 8 + lane / 4, j * 2 + lane % 4 / 2, kBoxBytes) + lane % 2 * 8, packed);
    }
  }

  // In boxes of 16 rows, each warp its own.
  DITUNE_DEVICE void store(const WarpgroupTile<config>& result, const TileIndex& tile) {
    const int lane = consumer.lane();
    if constexpr (epilogue.out != Output::s32) {
      transaction_wait(Layout::terms_full(consumer.tile()), terms.parity);
      terms.advance();
    }
    DITUNE_UNROLL
    for (int block = 0; block < kBlocks; ++block) {
      DITUNE_UNROLL
      for (int box = 0; box < config.tile_n / kBox; ++box) {
        const SharedAddress staging =
            Layout::staging(consumer.index, stored % config.staging) + consumer.warp() * (kStagingBytes / 4);
        if (lane == 0) store_wait_read<config.staging - 1>();
        warp_barrier();
        DITUNE_UNROLL
        for (int j = 0; j < kBox / 8; j += kBytes == 2 ? 2 : 1) {
          if constexpr (kBytes == 2) {
            stage_halves(staging, result, block, box, j);
          } else {
            stage_words(staging, result, block, box, j);
          }
        }
        async_fence();
        warp_barrier();
        if (lane == 0) {
          store_box(args.y, first_row(tile) + block * 64, tile.n + box * kBox, staging);
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
