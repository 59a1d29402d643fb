// SPDX-License-Identifier: Apache-2.0
// Mistakes that one could make in the templates of wgmma_s8.
#pragma once

#include <vector>

#include "kernels/gemm_s8/mutants.hpp"

namespace ditune::test {

inline const Epilogue kBiased{.bias = Bias::f32};
inline const Ground kHalves{"wgmma_s8:tile=128x64,stages=3", {300, 136, 528}, 144, kBiased, 2, 90};
inline const Ground kShort{kHalves.config, {300, 136, 272}, 144, kBiased, 2, 90};  // as many K steps as stages
inline const Ground kNarrow{kHalves.config, {20, 40, 272}, 48, kBiased, 1, 90};
inline const Ground kTall{"wgmma_s8:tile=256x64,stages=3", {300, 72, 272}, 80, kBiased, 1, 90};  // two blocks of rows
inline const Ground kWords{kHalves.config, {150, 72, 272}, 80, {.bias = Bias::f32, .out = Output::f32}, 1, 90};
inline const Ground kTurns{"wgmma_s8:tile=64x64,stages=3,consumers=pingpong", {300, 136, 528}, 144, kBiased, 2, 90};
inline const Ground kOneBox{kHalves.config + ",staging=1", {300, 136, 272}, 144, kBiased, 2, 90};
// Rows of output in boxes of 64 bytes, of 32, and of 64 with four bytes an output.
inline const Ground kBoxes64{"wgmma_s8:tile=128x96,stages=3", {150, 104, 272}, 112, kBiased, 2, 90};
inline const Ground kBoxes32{"wgmma_s8:tile=128x80,stages=3", {150, 104, 272}, 112, kBiased, 2, 90};
inline const Ground kWords64{
    "wgmma_s8:tile=128x48,stages=3", {150, 104, 272}, 112, {.bias = Bias::f32, .out = Output::f32}, 2, 90};
inline const Ground kDependent{kHalves.config + ",launch=dependent", {300, 136, 272}, 144, kBiased, 2, 90};
// 18 vectors of sums a thread.
inline const Ground kPartsOf144{
    "wgmma_s8:tile=128x144,stages=3,decomposition=stream_k", {150, 152, 528}, 160, kBiased, 3, 90};
inline const Ground kPair{kHalves.config + ",cluster=2x1", {600, 136, 400}, 144, kBiased, 4, 90};
inline const Ground kRow{kHalves.config + ",cluster=1x2", {300, 200, 400}, 208, kBiased, 4, 90};
inline const Ground kOddRow{kRow.config, {300, 136, 400}, 144, kBiased, 4, 90};  // one of a cluster repeats a tile
inline const Ground kParts{kHalves.config + ",decomposition=stream_k", {300, 136, 528}, 144, kBiased, 4, 90};
inline const Ground kPartsOfOne{kParts.config, {100, 40, 656}, 48, kBiased, 4, 90};  // tile
inline const Ground kPartsOfPair{kParts.config + ",cluster=2x1", {200, 72, 528}, 80, kBiased, 6, 90};

inline const std::vector<Mutant<Ground>> kWgmmaMutants = {
    // ---- stages
    {"consumers wait for the phase before", kHalves, "wgmma_s8.cuh", "full(cursor.stage), cursor.parity)",
     "full(cursor.stage), cursor.parity ^ 1)"},
    {"consumers do not wait for a stage", kHalves, "wgmma_s8.cuh",
     "transaction_wait(Layout::full(cursor.stage), cursor.parity);", ""},
    {"the producer waits for a stage that nobody filled", kHalves, "wgmma_s8_producer.cuh",
     "cursor.parity ^ 1);\n    const SharedAddress", "cursor.parity);\n    const SharedAddress"},
    {"the producer does not wait for an empty stage", kHalves, "wgmma_s8_producer.cuh",
     "transaction_wait(Layout::empty(cursor.stage), cursor.parity ^ 1);\n    const", "const"},
    {"parities are those of the first round for ever", kHalves, "wgmma_s8_work.cuh", "parity ^= 1;", ""},
    {"a stage counts too few bytes", kHalves, "wgmma_s8_producer.cuh", "transaction_expect(full, bytes_a_stage)",
     "transaction_expect(full, bytes_a_stage - 16)"},
    {"a stage counts too many bytes", kHalves, "wgmma_s8_producer.cuh", "transaction_expect(full, bytes_a_stage)",
     "transaction_expect(full, bytes_a_stage + 16)"},
    {"a stage counts the bytes of W alone", kHalves, "wgmma_s8_producer.cuh", "transaction_expect(full, bytes_a_stage)",
     "transaction_expect(full, config.tile_n * kWgmmaStepK)"},
    {"a stage is empty once one consumer is done with it", kHalves, "wgmma_s8.cuh",
     "empty(stage), kReaders * cluster_size(config))", "empty(stage), cluster_size(config))"},
    {"a stage is never empty", kTurns, "wgmma_s8.cuh", "empty(stage), kReaders * cluster_size(config))",
     "empty(stage), 2 * cluster_size(config))"},
    {"a stage is released while it is multiplied", kHalves, "wgmma_s8.cuh", "if (step > 0) release(last);",
     "release(cursor.stage);"},
    {"a stage is released before its products are waited for", kHalves, "wgmma_s8.cuh",
     "wgmma_wait<1>();  // of the step before", "wgmma_wait<2>();"},
    {"the last stage is released before its products are waited for", kHalves, "wgmma_s8.cuh",
     "wgmma_wait<0>();\n    release(last);", "release(last);\n    wgmma_wait<0>();"},
    {"the last stage is not released", kHalves, "wgmma_s8.cuh", "wgmma_wait<0>();\n    release(last);",
     "wgmma_wait<0>();"},
    {"boxes of X begin a row too late", kHalves, "wgmma_s8_producer.cuh", "args.x, tile.m, k, full)",
     "args.x, tile.m + 1, k, full)"},
    {"boxes of W lie on those of X", kHalves, "wgmma_s8_producer.cuh", "load_box(Layout::stage_w(cursor.stage)",
     "load_box(Layout::stage_x(cursor.stage)"},
    {"a K step is one of 64 bytes", kHalves, "wgmma_s8_producer.cuh", "step * kWgmmaStepK", "step * kWgmmaStepK / 2"},

    // ---- products
    {"groups of eight rows are 512 bytes apart", kHalves, "hopper.cuh", "64ULL << 32", "32ULL << 32"},
    {"operands are read as swizzled by 64 bytes", kHalves, "hopper.cuh", "1ULL << 62", "2ULL << 62"},
    {"a step of K within a stage is 16 bytes", kHalves, "wgmma_s8.cuh", "w + 2 * k", "w + k"},
    {"all blocks of rows are the first one", kTall, "wgmma_s8.cuh", "x + 2 * k + 512 * block", "x + 2 * k"},
    {"both consumers multiply the same rows", kHalves, "wgmma_s8.cuh", "consumer.first_row() * kWgmmaStepK", "0"},
    {"no fence before the products", kHalves, "wgmma_s8.cuh", "wgmma_fence();", ""},
    {"products are not committed", kHalves, "wgmma_s8.cuh", "wgmma_commit();", ""},
    {"products are not waited for", kHalves, "wgmma_s8.cuh", "wgmma_wait<0>();\n", ""},
    {"accumulators are not cleared", kHalves, "wgmma_s8.cuh", "step + k > 0", "true"},
    {"accumulators are cleared at every step", kHalves, "wgmma_s8.cuh", "step + k > 0", "k > 0"},

    // ---- barriers
    {"barriers are used before all know of them", kHalves, "wgmma_s8.cuh", "} else {\n    block_barrier();",
     "} else {"},
    {"units do not know of the barriers", kHalves, "wgmma_s8.cuh", "transaction_init_fence();", ""},
    {"both consumers' barriers are one", kTurns, "wgmma_s8_work.cuh", "return empty(config.stages + consumer);",
     "return empty(config.stages);"},
    {"a part of the warpgroup lowers its registers", kHalves, "wgmma_s8.cuh",
     "lower_registers<24>();\n    if (thread_index() == 0)",
     "if (thread_index() == 0) lower_registers<24>();\n    if (thread_index() == 0)"},

    // ---- turns
    {"nobody waits for a turn", kTurns, "wgmma_s8.cuh", "if constexpr (kPingpong) turns.await();", ""},
    {"turns are not passed on", kTurns, "wgmma_s8.cuh", "if constexpr (kPingpong) turns.pass_on();", ""},
    {"nobody has the first turn", kTurns, "wgmma_s8.cuh", "cursor.parity ^ (consumer.index == 0)", "cursor.parity"},
    {"both have the first turn", kTurns, "wgmma_s8.cuh", "cursor.parity ^ (consumer.index == 0)", "cursor.parity ^ 1"},
    {"a turn is passed on to oneself", kTurns, "wgmma_s8.cuh", "turn(consumer.index ^ 1)", "turn(consumer.index)"},
    {"the other consumer's stages are not skipped", kTurns, "wgmma_s8.cuh", "pipeline.cursor.skip(walk.k_steps);", ""},
    {"the parity of skipped stages stays", kTurns, "wgmma_s8_work.cuh", "parity ^= stage / stages & 1;", ""},
    {"a turn is passed on before the products of its tile are issued", kTurns, "wgmma_s8.cuh",
     "pipeline.multiply(result, segment.steps);\n    if constexpr (kPingpong) turns.pass_on();",
     "if constexpr (kPingpong) turns.pass_on();\n    pipeline.multiply(result, segment.steps);"},

    // ---- the last tiles of an extent
    {"the last tile of rows begins a row early", kHalves, "wgmma_s8_work.cuh", "config.tile_m, m)",
     "config.tile_m, m - 1)"},
    {"the last tile of columns begins 8 early", kHalves, "wgmma_s8_work.cuh", "config.tile_n, n)",
     "config.tile_n, n - 8)"},
    {"a tile that is all of an extent begins before it", kNarrow, "layout.cuh", "return extent > tile && ", "return "},

    // ---- X with fewer rows than a tile
    {"a stage counts rows that no box has", kNarrow, "wgmma_s8_producer.cuh", "transaction_expect(full, bytes_a_stage)",
     "transaction_expect(full, stage_bytes(config))"},
    {"rows that no box has are not cleared", kNarrow, "wgmma_s8.cuh", "clear_missing_rows(args.gemm, consumer);", ""},
    {"a consumer clears half of the missing rows alone", kNarrow, "wgmma_s8.cuh",
     "named_barrier(3, 2 * kWarpgroup);\n}", "named_barrier(3 + consumer.index, kWarpgroup);\n}"},
    {"cleared rows are not fenced", kNarrow, "wgmma_s8.cuh", "async_fence();\n  named_barrier(3", "named_barrier(3"},
    {"one stage is cleared", kNarrow, "wgmma_s8.cuh",
     "for (int stage = 0; stage < config.stages; ++stage) {\n    const SharedAddress x",
     "for (int stage = 0; stage < 1; ++stage) {\n    const SharedAddress x"},
    {"a row too much is cleared", kNarrow, "wgmma_s8.cuh", "int at = rows * kWgmmaStepK +",
     "int at = (rows - 1) * kWgmmaStepK +"},
    {"the box of a short X leaves the last rows out", kNarrow, "wgmma_s8_config.cuh",
     "const long long there = ceil_div(m, 8) * 8;", "const long long there = m / 8 * 8;"},

    // ---- dependent launches
    {"nobody waits for prerequisites", kDependent, "wgmma_s8.cuh",
     "if constexpr (config.launch == Launch::dependent) wait_for_prerequisites();", ""},
    {"the producer alone waits for prerequisites", kDependent, "wgmma_s8.cuh",
     "if constexpr (config.launch == Launch::dependent) wait_for_prerequisites();",
     "if (thread_index() < kWarpgroup) wait_for_prerequisites();"},
    {"the consumers alone wait for prerequisites", kDependent, "wgmma_s8.cuh",
     "if constexpr (config.launch == Launch::dependent) wait_for_prerequisites();",
     "if (thread_index() >= kWarpgroup) wait_for_prerequisites();"},

    // ---- scales and bias
    {"nobody waits for scales", kHalves, "wgmma_s8_output.cuh",
     "transaction_wait(Layout::terms_full(consumer.tile()), terms.parity);", ""},
    {"the producer does not wait until scales are used", kShort, "wgmma_s8_producer.cuh",
     "transaction_wait(Layout::terms_empty(consumer), (terms >> consumer & 1) ^ 1);", ""},
    {"scales are released by the first warps", kHalves, "wgmma_s8.cuh", "kReaders * (kWarpgroup / 32)", "kReaders"},
    {"scales are never released", kHalves, "wgmma_s8_output.cuh",
     "if (lane == 0) transaction_arrive(Layout::terms_empty(consumer.tile()));", ""},
    {"scales are released by all lanes", kHalves, "wgmma_s8_output.cuh",
     "if (lane == 0) transaction_arrive(Layout::terms_empty", "transaction_arrive(Layout::terms_empty"},
    {"scales beyond the last column are loaded", kNarrow, "wgmma_s8_producer.cuh",
     "left < config.tile_n ? left : config.tile_n", "config.tile_n"},
    {"the bytes of the bias are not counted", kHalves, "wgmma_s8_producer.cuh",
     "transaction_expect(full, scale + bias + gate)", "transaction_expect(full, scale + gate)"},
    {"all tiles have the first one's scales", kHalves, "wgmma_s8_producer.cuh", "args.gemm.sw + column",
     "args.gemm.sw"},
    {"scales that nobody loads are read", kNarrow, "wgmma_s8.cuh",
     "if constexpr (epilogue.out != Output::s32) clear_terms<config, epilogue>();", ""},
    {"the bias lies on the scales", kHalves, "wgmma_s8_producer.cuh",
     "load_bytes(Layout::terms(consumer) + 4 * config.tile_n", "load_bytes(Layout::terms(consumer)"},

    // ---- output
    {"staged rows are not fenced", kHalves, "wgmma_s8_output.cuh", "async_fence();\n        warp_barrier();",
     "warp_barrier();"},
    {"staged rows are fenced behind the barrier", kHalves, "wgmma_s8_output.cuh",
     "async_fence();\n        warp_barrier();", "warp_barrier();\n        async_fence();"},
    {"staged rows are stored before all lanes have written", kHalves, "wgmma_s8_output.cuh",
     "async_fence();\n        warp_barrier();", "async_fence();"},
    {"staging is written while it is stored", kHalves, "wgmma_s8_output.cuh", "store_wait_read<config.staging - 1>();",
     "store_wait_read<config.staging>();"},
    {"other lanes do not wait until staging is stored", kWords, "wgmma_s8_output.cuh",
     "store_wait_read<config.staging - 1>();\n          warp_barrier();", "store_wait_read<config.staging - 1>();"},
    {"stores are not committed", kHalves, "wgmma_s8_output.cuh", "store_commit();", ""},
    {"the last stores are not waited for", kHalves, "wgmma_s8.cuh", "if (consumer.lane() == 0) store_wait_read<0>();",
     ""},
    {"one lane stores, another one waits", kHalves, "wgmma_s8_output.cuh", "if (lane == 0) {\n          store_box",
     "if (lane == 1) {\n          store_box"},
    {"all warps stage in one place", kHalves, "wgmma_s8_output.cuh", " + consumer.warp() * (kStagingBytes / 4)", ""},
    {"both consumers stage in one place", kHalves, "wgmma_s8_work.cuh", "(consumer * config.staging + which)", "which"},
    {"pairs of columns are staged unswizzled", kHalves, "wgmma_s8_output.cuh",
     "swizzled_offset(lane % 16, j + lane / 16, kBoxBytes), packed",
     "lane % 16 * kBoxBytes + (j + lane / 16) * 16, packed"},
    {"words are staged unswizzled", kWords, "wgmma_s8_output.cuh", "swizzled_offset(row, at / 16, kBoxBytes)",
     "row * kBoxBytes + at / 16 * 16"},
    {"the one box of staging is written while it is stored", kOneBox, "wgmma_s8_output.cuh",
     "store_wait_read<config.staging - 1>();", "store_wait_read<1>();"},
    {"pairs of columns are staged in boxes of 64 bytes as in those of 128", kBoxes64, "wgmma_s8_output.cuh",
     "swizzled_offset(lane % 16, j + lane / 16, kBoxBytes), packed",
     "lane % 16 * kBoxBytes + ((j + lane / 16) ^ swizzle(lane % 16, 128) % (kBoxBytes / 16)) * 16, packed"},
    {"pairs of columns are staged in boxes of 32 bytes as in those of 128", kBoxes32, "wgmma_s8_output.cuh",
     "swizzled_offset(lane % 16, j + lane / 16, kBoxBytes), packed",
     "lane % 16 * kBoxBytes + ((j + lane / 16) ^ swizzle(lane % 16, 128) % (kBoxBytes / 16)) * 16, packed"},
    {"words are staged in boxes of 64 bytes as in those of 128", kWords64, "wgmma_s8_output.cuh",
     "swizzled_offset(row, at / 16, kBoxBytes)",
     "row * kBoxBytes + (at / 16 ^ swizzle(row, 128) % (kBoxBytes / 16)) * 16"},
    {"all boxes of output are of 128 bytes a row", kBoxes64, "wgmma_s8_config.cuh",
     "return row % 128 == 0 ? 128 : row % 64 == 0 ? 64 : 32;", "return row < 0 ? 64 : 128;"},
    {"boxes of output are all the first of a tile", kWords, "wgmma_s8_output.cuh",
     "static_cast<int>(tile.n)) + index * kBox", "static_cast<int>(tile.n))"},
    {"blocks of rows are stored in one place", kTall, "wgmma_s8_output.cuh",
     "store_box(args.y, first_row(tile) + block * 64", "store_box(args.y, first_row(tile)"},
    {"a row has the scale of the one eight above", kHalves, "wgmma_s8_output.cuh",
     "packed[t * 2 + half] = finish(part, row_scale[box.block][half]",
     "packed[t * 2 + half] = finish(part, row_scale[box.block][0]"},

    // ---- what ordinary accesses to shared memory and bulk copies owe one another
    {"cleared scales are not fenced before others are loaded over them", kHalves, "wgmma_s8.cuh",
     "async_fence();  // loads come after it", ""},
    {"scales are read once more behind the last fence", kHalves, "wgmma_s8_output.cuh",
     "if (lane == 0) transaction_arrive(Layout::terms_empty",
     "column_terms(0);\n      warp_barrier();\n      if (lane == 0) transaction_arrive(Layout::terms_empty"},

    // ---- registers
    {"the producer does not give its registers back", kHalves, "wgmma_s8.cuh", "lower_registers<24>();", ""},
    {"the producer keeps 8 registers too many", kHalves, "wgmma_s8.cuh", "lower_registers<24>();",
     "lower_registers<32>();"},
    {"consumers ask for 8 registers too many", kTurns, "wgmma_s8.cuh", "raise_registers<240>();",
     "raise_registers<248>();"},
    {"consumers lower their registers to more than they have", kHalves, "wgmma_s8.cuh", "raise_registers<240>();",
     "lower_registers<240>();"},

    // ---- walks over tiles, and divisions
    {"the next tile is the same one", kNarrow, "wgmma_s8_work.cuh", "whole += clusters;", ""},
    {"the producer's walk has no end", kTurns, "wgmma_s8_producer.cuh", "walk.more(); walk.next()",
     "true; walk.next()"},
    {"steps are divided by the number of the cluster", kParts, "wgmma_s8_work.cuh",
     "return shared * k_steps * of / clusters;", "return shared * k_steps * of / cluster;"},

    // ---- clusters
    {"a CTA of a cluster ends before the others have signalled it", kPair, "wgmma_s8_producer.cuh",
     "if constexpr (cluster_size(config) > 1) {\n      for", "if constexpr (false) {\n      for"},
    {"a CTA's barriers are used before the cluster knows of them", kPair, "wgmma_s8.cuh", "cluster_barrier();",
     "block_barrier();"},
    {"a stage is released to its own CTA alone", kPair, "wgmma_s8.cuh",
     "transaction_arrive_at(Layout::empty(stage), consumer.thread)", "transaction_arrive(Layout::empty(stage))"},
    {"a stage is empty when it is so in one CTA", kPair, "wgmma_s8.cuh",
     "empty(stage), kReaders * cluster_size(config))", "empty(stage), kReaders)"},
    {"W goes to the CTA that loads it alone", kPair, "wgmma_s8_producer.cuh",
     "((1U << config.cluster_m) - 1) << (rank_n * config.cluster_m)", "1U << rank_m"},
    {"X goes to the CTA that loads it alone", kOddRow, "wgmma_s8_producer.cuh",
     "ranks |= 1U << (other * config.cluster_m + rank_m)", "ranks = 1U << rank_n"},
    {"both CTAs load the first half of W", kPair, "wgmma_s8_producer.cuh", "tile.n + rank_m * kRows", "tile.n"},
    {"both CTAs load the first half of X", kRow, "wgmma_s8_producer.cuh", "tile.m + rank_n * kRows", "tile.m"},
    {"both halves of W go to the same place", kPair, "wgmma_s8_producer.cuh",
     "Layout::stage_w(cursor.stage) + rank_m * kRows * kWgmmaStepK", "Layout::stage_w(cursor.stage)"},
    {"both CTAs of a cluster compute one tile", kPair, "wgmma_s8_work.cuh", "rank % config.cluster_m", "0"},

    // ---- parts of K
    {"sums are signalled before all are out", kParts, "wgmma_s8_stream_k.cuh",
     "meet();  // all threads' sums are out before the one signal", ""},
    {"other parts' sums are read through a cache of constants", kParts, "wgmma_s8_stream_k.cuh",
     "global_load_l2_vec16(", "global_load_vec16("},
    {"no fence before the signal", kParts, "wgmma_s8_stream_k.cuh", "device_fence();", ""},
    {"nobody waits for the other parts", kParts, "wgmma_s8_stream_k.cuh",
     "while (global_load_acquire(flag(cta)) == 0) {\n        }", ""},
    {"one thread alone waits for the other parts", kParts, "wgmma_s8_stream_k.cuh", "meet();\n      add", "add"},
    {"flags are not left zero", kParts, "wgmma_s8_stream_k.cuh", "global_store(flag(cta), 0);", ""},
    {"slabs are not left zero", kParts, "wgmma_s8_stream_k.cuh",
     "global_store_vec<16>(other + i * kWarpgroup * 4, Vec16{});", ""},
    {"both consumers have one flag", kParts, "wgmma_s8_stream_k.cuh", "2 * cta + consumer.index", "2 * cta"},
    {"sums are left in the neighbour's slab", kPartsOfPair, "wgmma_s8_stream_k.cuh",
     "int* const mine = slab(block_index());", "int* const mine = slab(block_index() ^ 1);"},
    {"the first of a tile's other parts alone is added", kPartsOfOne, "wgmma_s8_stream_k.cuh",
     "reached = walk.part_begin(cluster + 1);", "reached = last;"},
    {"sums beyond a thread's last are added", kPartsOf144, "wgmma_s8_stream_k.cuh",
     "i < kVectors && i < first + kBatch; ++i) {\n        loaded", "i < first + kBatch; ++i) {\n        loaded"},
    {"sums beyond a thread's last are left zero", kPartsOf144, "wgmma_s8_stream_k.cuh",
     "i < kVectors && i < first + kBatch; ++i) {\n        global_store",
     "i < first + kBatch; ++i) {\n        global_store"},
    {"sums beyond the last whole batch are not added", kPartsOf144, "wgmma_s8_stream_k.cuh",
     "first < kVectors; first += kBatch", "first + kBatch <= kVectors; first += kBatch"},
    {"parts overlap by a step", kParts, "wgmma_s8_work.cuh", "at = part_begin(cluster);",
     "at = part_begin(cluster) - (cluster > 0);"},
};

}  // namespace ditune::test
