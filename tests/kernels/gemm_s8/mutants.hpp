// SPDX-License-Identifier: Apache-2.0
// Mistakes that one could make in the kernels' templates, each with a launch that should show it.
#pragma once

#include <string>
#include <vector>

#include "ditune/epilogue.hpp"
#include "kernels/mutation.hpp"
#include "tuner/verify/operand_case.hpp"

namespace ditune::test {

// A launch. Plain operands have rows of X and W with no gaps between them, and of Y `ldy` apart.
struct Ground {
  std::string config;
  Gemm problem;
  std::int64_t ldy;
  Epilogue epilogue;
  int sms = 2;    // of the device: how many persistent CTAs there are
  int arch = 86;  // of the device
  OperandCase operands = OperandCase::plain;
  bool is_built_in = false;  // the kernel of this config that takes the epilogue at run time
};

inline const Ground kPlain{"mma_s8:tile=32x64x64,warps=1x2,stages=3", {40, 70, 400}, 72, {.bias = Bias::f32}};
inline const Ground kFloats{kPlain.config, {40, 70, 400}, 72, {.bias = Bias::f32, .out = Output::f32}};
inline const Ground kOddRows{kPlain.config, {40, 70, 400}, 71, {}};
inline const Ground kBytes{kPlain.config + ",load=1", {40, 70, 101}, 72, {}};
inline const Ground kSplit{kPlain.config + ",split_k=3,load=4", {40, 70, 500}, 72, {}};
inline const Ground kPersistent{kPlain.config + ",group=3,schedule=persistent", {150, 130, 144}, 130, {}};
inline const Ground kLow{"mma_s8:tile=16x64x64,warps=1x4,stages=3", {20, 70, 144}, 72, {}};
inline const Ground kStaged{"mma_s8:tile=64x128x64,warps=2x2,stages=3,staging=shared", {70, 130, 112}, 136, {}};
inline const Ground kStagedPersistent{kStaged.config + ",schedule=persistent", {70, 130, 144}, 136, {}};

inline const std::vector<Mutant<Ground>> kMmaMutants = {
    // ---- the pipeline
    {"the main loop does not wait for its copies", kPlain, "mma_s8.cuh",
     "copy_async_wait<config.stages - 2>();\n    block_barrier();\n    constexpr", "block_barrier();\n    constexpr"},
    {"the main loop waits for a group too few", kPlain, "mma_s8.cuh",
     "copy_async_wait<config.stages - 2>();\n    block_barrier();\n    constexpr",
     "copy_async_wait<config.stages - 1>();\n    block_barrier();\n    constexpr"},
    {"the first stage is not waited for", kPlain, "mma_s8.cuh",
     "copy_async_wait<config.stages - 2>();\n    block_barrier();\n  }", "block_barrier();\n  }"},
    {"the main loop has no barrier", kPlain, "mma_s8.cuh", "block_barrier();\n    constexpr", "constexpr"},
    {"the first stage has no barrier", kPlain, "mma_s8.cuh", "block_barrier();\n  }", "}"},
    {"copies are not committed", kPlain, "mma_s8_load.cuh", "copy_async_commit();", ""},
    {"the last copies are not waited for", kPlain, "mma_s8.cuh", "(result, tile, args);\n    copy_async_wait<0>();",
     "(result, tile, args);"},
    {"the last copies of a persistent CTA are not waited for", kPersistent, "mma_s8.cuh",
     "tiles.n);\n    copy_async_wait<0>();", "tiles.n);"},
    {"the stages wrap one too late", kPlain, "mma_s8.cuh", "? -(config.stages - 1) * kStage",
     "? -(config.stages - 2) * kStage"},
    {"W's stage is not advanced", kPlain, "mma_s8.cuh", "w += advance;", ""},
    {"the stage that is read is filled", kPlain, "mma_s8.cuh", "write(stage_address(config.stages - 1))",
     "write(stage_address(0))"},
    {"accumulators are not cleared", kPersistent, "mma_s8.cuh", "result.clear();", ""},
    {"a K step is multiplied twice", kPlain, "mma_s8.cuh", "fragments[step % 2]", "fragments[0]"},
    {"fragments come a K step late", kPlain, "mma_s8.cuh", ".load(x, w, (step + 1) % kSteps)", ".load(x, w, step)"},

    {"half of the threads come to the main loop's barrier", kPlain, "mma_s8.cuh", "block_barrier();\n    constexpr",
     "if (thread_index() < 32) block_barrier();\n    constexpr"},
    {"W's fragments have their halves swapped", kPlain, "mma_s8.cuh",
     "f.b[j / 2][j % 2 * 2], f.b[j / 2][j % 2 * 2 + 1]", "f.b[j / 2][j % 2 * 2 + 1], f.b[j / 2][j % 2 * 2]"},
    {"a persistent CTA's first stages are not counted", kPersistent, "mma_s8.cuh",
     "loader.next_block(args);\n      DITUNE_UNROLL\n      for (int step = 0; step < kCopySteps",
     "DITUNE_UNROLL\n      for (int step = 0; step < kCopySteps"},

    // ---- loads
    {"the loader does not swizzle", kPlain, "mma_s8_load.cuh",
     "offset(swizzled_offset(first_slot, thread % kChunks, config.tile_k))",
     "offset(first_slot * config.tile_k + thread % kChunks * 16)"},
    {"X's fragments are not swizzled", kPlain, "mma_s8.cuh",
     "swizzled_offset(place.warp_row + lane % 16, lane / 16, config.tile_k)",
     "(place.warp_row + lane % 16) * config.tile_k + lane / 16 * 16"},
    {"W's fragments are swizzled as the next row is", kPlain, "mma_s8.cuh",
     "swizzled_offset(place.warp_column + lane % 8 + lane / 16 * 8, lane / 8 % 2, config.tile_k)",
     "swizzled_offset(place.warp_column + lane % 8 + lane / 16 * 8 + 2, lane / 8 % 2, config.tile_k) - 2 * "
     "config.tile_k"},
    {"W's rows are stored in their own order", kPlain, "mma_s8_load.cuh",
     "return vec == 0 ? slot : column_of_slot(slot, vec == 0 ? 8 : vec);", "return slot;"},
    {"a row beyond the last is loaded", kPlain, "mma_s8_load.cuh", "row + row_step(pass) < row_count",
     "row + row_step(pass) <= row_count"},
    {"the last row is not loaded", kPlain, "mma_s8_load.cuh", "row + row_step(pass) < row_count",
     "row + row_step(pass) + 1 < row_count"},
    {"rows that do not exist are loaded", kPlain, "mma_s8_load.cuh", "(row_valid >> pass & 1) != 0", "true"},
    {"rows that do not exist are loaded, byte by byte", kBytes, "mma_s8_load.cuh", "valid ? remaining : 0",
     "remaining"},
    {"a piece beyond K is loaded", kPlain, "mma_s8_load.cuh", "valid && part < remaining",
     "valid && part <= remaining"},
    {"a byte beyond K is loaded", kBytes, "mma_s8_load.cuh", "if (i < count)", "if (i <= count)"},
    {"the last byte of K is not loaded", kBytes, "mma_s8_load.cuh", "if (i < count)", "if (i < count - 1)"},
    {"what is left of K is not counted", kPlain, "mma_s8_load.cuh", "remaining -= config.tile_k;", ""},
    {"no zeros are filled in", kPlain, "mma_s8_load.cuh",
     "copy_async<config.load>(destination + part, from + part, valid && part < remaining)",
     "if (valid && part < remaining) copy_async<config.load>(destination + part, from + part, true)"},
    {"copies go on beyond the tile's rows", kLow, "mma_s8_load.cuh",
     "if ((pass + 1) * kRowsPerPass > rows && first_slot + pass * kRowsPerPass >= rows) return;", ""},

    // ---- tiles
    {"a persistent CTA stores its tiles as neighbours'", kPersistent, "mma_s8.cuh", "work += grid_size();\n    } while",
     "work += 1;\n    } while"},
    {"a persistent CTA loads its neighbours' tiles", kPersistent, "mma_s8_load.cuh", "work += grid_size();", "++work;"},
    {"the last band of tiles is as high as the others", kPersistent, "layout.cuh",
     "tiles_m - first < height ? tiles_m - first : height", "height"},
    {"a persistent CTA leaves a tile a block early", kPersistent, "mma_s8_load.cuh", "if (blocks_left == 0)",
     "if (blocks_left == 1)"},
    {"a persistent CTA does not go on to its next tile", kPersistent, "mma_s8.cuh", "work += grid_size();\n    } while",
     "} while"},
    {"bands of tiles are counted rounded down: there are none", kPlain, "layout.cuh",
     "bands = (tiles_m + group - 1) / group;", "bands = tiles_m / group;"},

    // ---- parts of K
    {"parts of K overlap", kSplit, "mma_s8_tile.cuh", "blocks * part / config.split_k",
     "blocks / config.split_k * part"},
    {"the last copies of a part of K are not waited for", kSplit, "mma_s8_split_k.cuh",
     "copy_async_wait<0>();\n    block_barrier();  // nobody", "block_barrier();  // nobody"},
    {"other CTAs' sums are read through a cache of constants", kSplit, "mma_s8_split_k.cuh", "global_load_l2_vec16(",
     "global_load_vec16("},
    {"the rank is read before it is told", kSplit, "mma_s8_split_k.cuh",
     "static_cast<unsigned>(rank));\n    block_barrier();", "static_cast<unsigned>(rank));"},
    {"all parts leave their sums in one slab", kSplit, "mma_s8_split_k.cuh", "store(sums, mine + rank * kTileElements)",
     "store(sums, mine)"},
    {"sums are signalled before all are out", kSplit, "mma_s8_split_k.cuh",
     "block_barrier();  // all threads' sums are out before the one signal", ""},
    {"no fence before the signal", kSplit, "mma_s8_split_k.cuh", "device_fence();", ""},
    {"the fence comes after the signal", kSplit, "mma_s8_split_k.cuh",
     "device_fence();\n        global_atomic_add(done, 1);", "global_atomic_add(done, 1);\n        device_fence();"},
    {"the fence comes before the barrier", kSplit, "mma_s8_split_k.cuh",
     "block_barrier();  // all threads' sums are out before the one signal\n      if (thread_index() == 0) {\n        "
     "device_fence();",
     "if (thread_index() == 0) device_fence();\n      block_barrier();\n      if (thread_index() == 0) {"},
    {"ranks are not taken atomically", kSplit, "mma_s8_split_k.cuh", "? global_atomic_add(started, 1) : 0",
     "? [&] { const int rank = global_load_acquire(started); global_store(started, rank + 1); return rank; }() : 0"},
    {"the signal is a plain store", kSplit, "mma_s8_split_k.cuh", "global_atomic_add(done, 1);",
     "global_store(done, global_load_acquire(done) + 1);"},
    {"the rank is told while others read fragments", kSplit, "mma_s8_split_k.cuh",
     "block_barrier();  // nobody reads or fills the pipeline any more: its memory tells all threads the rank", ""},
    {"nobody waits for the other parts", kSplit, "mma_s8_split_k.cuh",
     "while (global_load_acquire(done) != kFinisher) {\n      }", ""},
    {"one thread alone waits for the other parts", kSplit, "mma_s8_split_k.cuh",
     "}\n    }\n    block_barrier();\n    for (int part", "}\n    }\n    for (int part"},
    {"a part is not added", kSplit, "mma_s8_split_k.cuh", "part < kFinisher; ++part) add",
     "part < kFinisher - 1; ++part) add"},
    {"slabs are not left zero", kSplit, "mma_s8_split_k.cuh",
     "global_store_vec<16>(mine + slab_offset(i, half, pair), Vec16{});", ""},
    {"the count of ranks is not left zero", kSplit, "mma_s8_split_k.cuh", "global_store(started, 0);", ""},
    {"the count of signals is not left zero", kSplit, "mma_s8_split_k.cuh", "global_store(done, 0);", ""},

    // ---- epilogue
    {"rows are scaled by sw", kPlain, "dequantize.cuh", "global_load(args.sx +", "global_load(args.sw +"},
    {"the scales are applied in the other order", kFloats, "dequantize.cuh",
     "multiply(multiply(to_float(acc), row_scale), columns.scale[i])",
     "multiply(multiply(to_float(acc), columns.scale[i]), row_scale)"},
    {"scale and bias are rounded once", kFloats, "dequantize.cuh", "y = add(y, columns.bias[i])",
     "y = __builtin_fmaf(multiply(to_float(acc), row_scale), columns.scale[i], columns.bias[i])"},
    {"no bias is added", kPlain, "dequantize.cuh", "y = add(y, columns.bias[i])", "y = y"},
    {"the neighbouring column's bias is added", kPlain, "dequantize.cuh", "add(y, columns.bias[i])",
     "add(y, columns.bias[i ^ 1])"},
    {"a row has the scale of the one eight above", kPlain, "mma_s8_output.cuh", "row_scale[i][half], columns[g]",
     "row_scale[i][0], columns[g]"},
    {"rows that do not exist have a scale", kPlain, "dequantize.cuh", "(row < args.m ? row : 0)", "row"},
    {"columns that do not exist have a scale", kPlain, "dequantize.cuh",
     "if (first + Count <= n) {\n    DITUNE_UNROLL\n    for (int i = 0; i < Count; i += 4)",
     "if (first < n) {\n    DITUNE_UNROLL\n    for (int i = 0; i < Count; i += 4)"},
    {"the scale behind the last is loaded", kPlain, "dequantize.cuh",
     "first + i < n ? global_load(array + first + i) : 0.0f", "first + i <= n ? global_load(array + first + i) : 0.0f"},
    {"scales behind the last are prefetched", kPlain, "dequantize.cuh", "count && element < n", "count"},

    // ---- stores
    {"a row beyond the last is stored", kPlain, "dequantize.cuh", "else if (row < args.m)", "else if (row <= args.m)"},
    {"a column beyond the last is stored", kPlain, "dequantize.cuh", "column + 0LL + i >= output_columns",
     "column + 0LL + i > output_columns"},
    {"the last column is not stored", kPlain, "dequantize.cuh", "column + 0LL + i >= output_columns",
     "column + 0LL + i + 1 >= output_columns"},
    {"a vector is stored across the last column", kPlain, "dequantize.cuh", "column + 0LL + Outputs <= output_columns",
     "column + 0LL < output_columns"},
    {"vectors are stored to rows that are not aligned", kOddRows, "dequantize.cuh", " && args.ldy % Outputs == 0", ""},
    {"whole tiles are stored to rows that are not aligned", kOddRows, "mma_s8_output.cuh",
     " &&\n              gemm.ldy % 8 == 0", ""},
    {"a tile is held to be whole that is not", kPlain, "mma_s8_output.cuh",
     "tile.column + 0LL + config.tile_n <= gemm.n", "tile.column + 0LL <= gemm.n"},

    // ---- staging
    {"staged rows are not a multiple of 16 bytes apart", kStaged, "mma_s8_output.cuh", "kPitch = kRowBytes + 16",
     "kPitch = kRowBytes + 8"},
    {"staged rows overlap", kStaged, "mma_s8_output.cuh", "kPitch = kRowBytes + 16", "kPitch = kRowBytes - 16"},
    {"all warps stage in one place", kStaged, "mma_s8_output.cuh",
     "thread_index() / 32 * staging_bytes(config, epilogue)", "0"},
    {"a persistent CTA stages in its pipeline", kStagedPersistent, "mma_s8_output.cuh",
     "? config.stages * stage_bytes(config) : 0", "? 0 : 0"},
    {"staged rows are read before they are there", kStaged, "mma_s8_output.cuh", "warp_barrier();\n      DITUNE_UNROLL",
     "DITUNE_UNROLL"},
    {"staged rows are overwritten before they are read", kStaged, "mma_s8_output.cuh", "warp_barrier();\n    }\n  }",
     "}\n  }"},
    {"copies land on staged rows", kStaged, "mma_s8_output.cuh",
     "copy_async_wait<0>();\n    block_barrier();  // nobody", "block_barrier();  // nobody"},
    {"other warps' copies land on staged rows", kStaged, "mma_s8_output.cuh",
     "block_barrier();  // nobody reads or fills the pipeline any more", ""},
};

}  // namespace ditune::test
