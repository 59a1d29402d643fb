// SPDX-License-Identifier: Apache-2.0
// Mistakes in what epilogues do behind the bias, each with a launch that should show it. Where Y and its residual have
// rows of one pitch, as plain operands do, the launch is in place.
#pragma once

#include <vector>

#include "kernels/gemm_s8/fallback_mutants.hpp"
#include "kernels/gemm_s8/wgmma_mutants.hpp"

namespace ditune::test {

inline const Ground kSwiglu{kPlain.config, {40, 72, 400}, 40, {.bias = Bias::f32, .op = EpilogueOp::swiglu}};
inline const Ground kFrom{kPlain.config, {40, 70, 400}, 72, {.op = EpilogueOp::silu, .from = 21}};
inline const Ground kAdded{
    kPlain.config, {40, 70, 400}, 72, {.residual = Residual::bf16, .gate = Gate::table, .out = Output::bf16}};
inline const Ground kIndexed{kPlain.config, {40, 70, 400}, 72, {.residual = Residual::f32, .gate = Gate::index}};
inline const Ground kAddedApart{kPlain.config,      {40, 72, 400}, 72, {.residual = Residual::bf16}, 2, 86,
                                OperandCase::padded};

inline const Ground kHalvedBoxes{kHalves.config, {300, 144, 272}, 80, {.op = EpilogueOp::swiglu}, 2, 90};
inline const Ground kAddedBoxes{
    kHalves.config, {300, 136, 272}, 144, {.residual = Residual::bf16, .gate = Gate::table}, 2, 90};
inline const Ground kAddedTall{
    "wgmma_s8:tile=256x128,stages=2", {600, 136, 272}, 144, {.residual = Residual::bf16}, 1, 90};
inline const Ground kAddedTurns{
    kTurns.config, {300, 136, 272}, 144, {.residual = Residual::f16, .gate = Gate::channel}, 1, 90};

inline const std::vector<Mutant<Ground>> kFusedMutants = {
    // ---- ops
    {"gate and up are swapped", kSwiglu, "dequantize.cuh", "multiply(silu(y[2 * j]), y[2 * j + 1])",
     "multiply(silu(y[2 * j + 1]), y[2 * j])"},
    {"the op is applied before its first column", kFrom, "dequantize.cuh",
     "from == 0 || column + 0LL + i >= from ? activated : y[i]", "activated"},
    {"the op begins a column late", kFrom, "dequantize.cuh", "column + 0LL + i >= from", "column + 0LL + i > from"},
    {"the op is left out where it begins", kFrom, "dequantize.cuh", "column + 0LL + Count <= from", "column <= from"},
    {"outputs of swiglu lie where their gates did", kSwiglu, "mma_s8_output.cuh",
     "row(i, half), outputs_of(epilogue, column(g))", "row(i, half), column(g)"},
    {"outputs of swiglu are two apart", kHalvedBoxes, "wgmma_s8_output.cuh", "lane % 4 * (kTileOutputs / 4)",
     "lane % 4 * 2"},
    {"boxes of swiglu lie where their gates did", kHalvedBoxes, "wgmma_s8_output.cuh",
     "outputs_of(epilogue, static_cast<int>(tile.n)) + index", "static_cast<int>(tile.n) + index"},
    {"the built-in kernel's outputs of swiglu lie where their gates did", built_in({.op = EpilogueOp::swiglu}),
     "fallback.cuh", "(args, row, column / 2, words)", "(args, row, column, words)"},

    // ---- residual
    {"the residual is not added", kAdded, "residual.cuh", "y[i] = add(r[i], y[i]);", ""},
    {"the gate is left out", kAdded, "residual.cuh", "if (gate != Gate::none) y[i] = multiply(g[i], y[i]);", ""},
    {"a row's gate is the next one's", kAdded, "residual.cuh", "return row / static_cast<unsigned>",
     "return (row + 1) / static_cast<unsigned>"},
    {"two rows share an index", kIndexed, "residual.cuh", "args.gate_index + row", "args.gate_index + row / 2"},
    {"the residual of rows that do not exist is read", kAdded, "residual.cuh",
     "if (at.row >= gemm.m || at.column >= gemm.n) return;\n    const char* const from = static_cast<const "
     "char*>(args.r)",
     "const char* const from = static_cast<const char*>(args.r)"},
    {"the residual's rows are as far apart as Y's", kAddedApart, "residual.cuh", "at.row * args.ldr + at.column",
     "at.row * gemm.ldy + at.column"},
    {"a tile begins in the one before it, whose outputs are its residual", kAddedBoxes, "wgmma_s8_work.cuh",
     "if constexpr (epilogue.residual != Residual::none) return {row * config.tile_m, column * config.tile_n};", ""},
    {"the residual is not waited for", kAddedBoxes, "wgmma_s8_output.cuh",
     "transaction_wait(residual_full(stored), stored / config.staging & 1);", ""},
    {"the residual of the round before is waited for", kAddedTall, "wgmma_s8_output.cuh",
     "residual_full(stored), stored / config.staging & 1", "residual_full(stored), 0"},
    {"the residual comes where outputs are still read", kAddedTall, "wgmma_s8_output.cuh",
     "store_wait_read<0>();\n            copy_residual", "copy_residual"},
    {"the first residual of a tile comes where outputs are still read", kAddedTall, "wgmma_s8_output.cuh",
     "store_wait_read<0>();\n        DITUNE_UNROLL", "DITUNE_UNROLL"},
    {"the gate of a tile's first row serves all of them", kAddedBoxes, "wgmma_s8_work.cuh",
     "row == gate_row(args, gate, last) ? row : -1", "row"},
    {"consumers in turns share a gate", kAddedTurns, "wgmma_s8_output.cuh", "Layout::gates(consumer.tile())",
     "Layout::gates(0)"},
    {"gates are not loaded", kAddedTurns, "wgmma_s8_producer.cuh",
     "load_bytes(Layout::gates(consumer), static_cast<const char*>(args.g) + first * kGateBytes, gate, full);",
     "load_bytes(Layout::gates(consumer), args.gemm.sw, gate, full);"},
};

}  // namespace ditune::test
