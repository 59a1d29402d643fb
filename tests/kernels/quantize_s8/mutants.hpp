// SPDX-License-Identifier: Apache-2.0
// Mistakes that one could make in the templates of quantize_s8, each with a launch that should show it. Where x and h
// have rows of one pitch, as plain operands do, the launch is in place.
#pragma once

#include <string>
#include <vector>

#include "kernels/mutation.hpp"

namespace ditune::test::quantize_s8 {

struct Ground {
  std::string config;
  std::string operation;  // "m=5,k=1000"
  OperandCase operands = OperandCase::plain;
  int arch = 86;  // of the device, which has one SM
};

inline const Ground kRow{"registers_s8:threads=128,octets=1", "m=5,k=1000"};
inline const Ground kWarps{"registers_s8:threads=32,octets=4,rows=4", "m=5,k=1000"};
inline const Ground kPersistentRows{"registers_s8:threads=64,octets=2,schedule=persistent", "m=9,k=1000"};
inline const Ground kPersistentTables{kPersistentRows.config, "m=9,k=1000,modulate=scale1,table=image"};
inline const Ground kLayerNorm{"registers_s8:threads=128,octets=2", "m=5,k=1104,x=f32,norm=layer"};
inline const Ground kFloatSums{"registers_s8:threads=128,octets=5", "m=24,k=5000,x=f32,residual=gate_rms"};
inline const Ground kShortSums{"registers_s8:threads=32,octets=1", "m=40,k=40,x=f32,residual=gate_rms"};
inline const Ground kSumsAgain{"passes_s8:threads=64", "m=24,k=5000,x=f32,residual=gate_rms"};
inline const Ground kJoined{"registers_s8:threads=128,octets=1", "m=5,k=1000,residual=add"};
inline const Ground kGated{kJoined.config, "m=5,k=1000,residual=gate_rms,table=index"};
inline const Ground kJoinedAgain{"passes_s8:threads=64", "m=5,k=1000,residual=add,norm=rms"};
inline const Ground kJoinedApart{kJoined.config, "m=5,k=1000,residual=add", OperandCase::padded};
inline const Ground kOddColumns{"registers_s8:threads=128,octets=1,load=1", "m=5,k=1001"};
inline const Ground kColumnTerms{kRow.config,
                                 "m=5,k=1000,x=f32,norm=rms,weight=plain,bias=plain,modulate=scale1_shift,table=image"};
inline const Ground kRotated{"registers_s8:threads=128,octets=1", "m=5,k=1024,rotate=256"};
inline const Ground kExtremeRows{"registers_s8:threads=128,octets=1", "m=5,k=1000,x=f32", OperandCase::extreme};
inline const Ground kExtremeNorm{kRow.config, "m=5,k=1000,x=f32,norm=rms", OperandCase::extreme};
inline const Ground kGivenScale{kRow.config, "m=5,k=1000,scale=tensor"};
inline const Ground kExtremeGiven{kRow.config, "m=5,k=1000,norm=rms,scale=tensor", OperandCase::extreme};
inline const Ground kSwigluRow{kRow.config, "m=5,k=1000,act=swiglu"};
inline const Ground kSplitRow{kOddColumns.config, "m=5,k=1001,act=gelu_tanh,split=21"};
inline const Ground kSplitOctets{kRow.config, "m=5,k=1000,act=silu,split=24"};
inline const Ground kDependentRow{kRow.config + ",launch=dependent", "m=5,k=1000", OperandCase::plain, 90};

inline Ground with(OperandCase operands, Ground ground) {
  ground.operands = operands;
  return ground;
}

inline const std::vector<Mutant<Ground>> kMutants = {
    // ---- what threads agree on
    {"agreements have no barrier", kRow, "row_threads.cuh", "named_barrier(1 + row_, kThreads);", ""},
    {"the rows of a CTA share a barrier",
     {"registers_s8:threads=64,octets=2,rows=4", "m=4,k=1000,norm=layer"},
     "row_threads.cuh",
     "named_barrier(1 + row_, kThreads);",
     "named_barrier(1, kThreads);"},
    {"the rows of a CTA share their scratch",
     {"registers_s8:threads=64,octets=2,rows=2", "m=5,k=1000"},
     "row_threads.cuh",
     "row * scratch_bytes(kThreads) + turn",
     "turn"},
    {"agreements of a row share a place", kLayerNorm, "row_threads.cuh", "4 * (kNumber * kThreads + thread)",
     "4 * thread"},
    {"the rows of a persistent CTA do not take turns", kPersistentRows, "registers_s8.cuh", "turn ^= 1;", ""},
    {"a warp is left out of the largest value", kRow, "row_threads.cuh",
     "for (int i = 0; i < kWarps; ++i) mine = maximum", "for (int i = 1; i < kWarps; ++i) mine = maximum"},

    // ---- the order of sums
    {"neighbouring warps are added first", kFloatSums, "row_threads.cuh", "part[i] = add(part[i], part[i + half]);",
     "part[i] = add(part[2 * i], part[2 * i + 1]);"},
    {"neighbouring lanes are added first", kFloatSums, "row_threads.cuh",
     "for (int mask = 16; mask > 0; mask /= 2) part[0]", "for (int mask = 1; mask < 32; mask *= 2) part[0]"},
    {"a thread's octets are added one after the other", kFloatSums, "row.cuh",
     "if (i + half < layout.octets) part[i] = add(part[i], part[i + half]);",
     "if (half == 1) for (int j = 1; j < layout.octets; ++j) part[0] = add(part[0], part[j]);"},
    {"octets that are read again are added in their own order", kSumsAgain, "row.cuh",
     "(u >> bit & 1) << (bits - 1 - bit)", "(u >> bit & 1) << bit"},
    {"squares are rounded before they are added", kShortSums, "row_threads.cuh",
     "multiply_add(v[2 * i], v[2 * i], multiply(v[2 * i + 1], v[2 * i + 1]))",
     "add(multiply(v[2 * i], v[2 * i]), multiply(v[2 * i + 1], v[2 * i + 1]))"},

    // ---- residual
    {"the unrounded h goes on", kJoined, "row_input.cuh", "unpack<p.x>(v, h);", ""},
    {"the branch's norm is left out", kGated, "row.cuh", "y[i] = multiply(y[i], factor);", "y[i] = y[i];"},
    {"the weight of the branch's norm is left out", kGated, "columns.cuh", "g[i] = multiply(g[i], w1[i]);",
     "g[i] = g[i];"},
    {"two rows share an index", kGated, "columns.cuh", "args.index + row", "args.index + row / 2"},
    {"x is read again where h is meant", with(OperandCase::padded, kJoinedAgain), "row.cuh",
     "if constexpr (p.residual == Branch::none) {\n      input_.load(column, v);",
     "if constexpr (true) {\n      input_.load(column, v);"},
    {"h is read again through a cache of constants", kJoinedAgain, "row_input.cuh",
     "load_octet<p.x, aligned, Memory::written>(v, h_row()", "load_octet<p.x, aligned>(v, h_row()"},
    {"what is written in place is read through a cache of constants", kJoined, "row_input.cuh",
     "kInPlace ? Memory::written : Memory::constant", "Memory::constant"},
    {"the branch is read where h was written", kJoinedApart, "row_input.cuh",
     "static_cast<const char*>(args_.y) + row_ * args_.ldy", "h_row() + 0 * args_.ldy"},
    {"h's rows are as far apart as x's", kJoinedApart, "row_input.cuh", "row_ * args_.ldh", "row_ * args_.ldx"},
    {"the branch's rows are as far apart as x's", kJoinedApart, "row_input.cuh", "row_ * args_.ldy",
     "row_ * args_.ldx"},

    // ---- norm and modulation
    {"the norm has no eps", kExtremeNorm, "octets.cuh", "add(divide(sum, k), eps)", "divide(sum, k)"},
    {"the mean is not taken off", kLayerNorm, "row.cuh", "add(v[i], -mean_)", "v[i]"},
    {"columns that do not exist have a mean", kLayerNorm, "row.cuh", "inside ? add(v[i], -mean_) : 0.0f",
     "add(v[i], -mean_)"},
    {"the shift is left out", kColumnTerms, "row.cuh",
     "has_term(p) ? multiply_add(v[i], factor[i], term[i]) : multiply(v[i], factor[i])", "multiply(v[i], factor[i])"},
    {"the bias is not modulated", kColumnTerms, "columns.cuh", "multiply_add(b[i], m[i], term[i])",
     "add(b[i], term[i])"},
    {"s is taken for 1 + s", kColumnTerms, "columns.cuh", "if constexpr (p.modulate != Modulation::scale) add_one(m);",
     ""},
    {"a row has the table of the next image", kColumnTerms, "columns.cuh",
     "static_cast<unsigned>(row) / static_cast<unsigned>(args.rows_per_image)",
     "(static_cast<unsigned>(row) + 1) / static_cast<unsigned>(args.rows_per_image)"},
    {"a persistent CTA keeps the first image's table", kPersistentTables, "registers_s8.cuh", "its != table",
     "table < 0"},
    {"a table's rows are K apart", with(OperandCase::padded, kColumnTerms), "columns.cuh", "table * args.ldt",
     "table * args.k"},

    // ---- columns of their own
    {"the halves of swiglu are swapped", kSwigluRow, "row_input.cuh", "multiply(silu(a[i]), b[i])",
     "multiply(silu(b[i]), a[i])"},
    {"all columns are activated", kSplitOctets, "row.cuh", "p.split == 0 || column + i >= p.split", "true"},
    {"the activation begins a column late", kSplitRow, "row.cuh", "column + i >= p.split", "column + i > p.split"},
    {"the second buffer begins at the split", kSplitRow, "row_input.cuh", "const int its = column - p.split;",
     "const int its = column;"},
    {"the second buffer's octets begin at the split", kSplitOctets, "row_input.cuh",
     "column - p.split, columns_ - p.split", "column, columns_"},

    // ---- rotation
    {"a lane takes a digit from the wrong neighbour", kRotated, "hadamard.cuh", "shuffle_xor(half, 1)",
     "shuffle_xor(half, 2)"},
    {"the highest digit is left out", kRotated, "hadamard.cuh", "mask < kGroup / kOctet", "mask < kGroup / 4 / kOctet"},
    {"octets of a group are not read backwards", kRotated, "row_output.cuh", "column ^ (p.rotate - kOctet)", "column"},
    {"an octet is not read backwards", kRotated, "row_output.cuh", "p.rotate > 1 ? kOctet - 1 - i : i", "i"},

    // ---- what is stored
    {"a row with a NaN is not flagged", kExtremeRows, "octets.cuh",
     "if (!(absmax <= kLargest)) return {0.0f, float_from_bits(0x7fffffffu)};", ""},
    {"the factor of tiny rows is infinite", kExtremeRows, "octets.cuh", "minimum(divide(127.0f, absmax), kLargest)",
     "divide(127.0f, absmax)"},
    {"a row has the scale of the one before", kRow, "row.cuh", "args_.scale + row_, scale.scale",
     "args_.scale + (row_ + 1) % args_.m, scale.scale"},
    {"a given scale lets -128 through", kGivenScale, "row_output.cuh", "multiply(value, factor), -127.0f",
     "multiply(value, factor), -128.0f"},
    {"NaN with a given scale is no 0", kExtremeGiven, "row_output.cuh",
     "clamped == clamped ? quantized(clamped, 1.0f) : 0u", "quantized(clamped, 1.0f)"},
    {"the last column is not stored", kOddColumns, "octets.cuh", "if (column + i >= columns) return;",
     "if (column + i >= columns - 1) return;"},
    {"a column beyond the last is stored", kOddColumns, "octets.cuh", "if (column + i >= columns) return;",
     "if (column + i > columns) return;"},
    {"the last column is not read", kOddColumns, "octets.cuh", "aligned ? kOctet : columns - column",
     "aligned ? kOctet : columns - column - 1"},
    {"an octet beyond the last is stored", kRow, "octets.cuh", "if (column >= columns) return;", ""},
    {"the output's rows are K apart", with(OperandCase::padded, kRow), "row_output.cuh", "row_ * args_.ldq, place",
     "row_ * args_.k, place"},

    // ---- rows
    {"rows that do not exist have threads", kWarps, "registers_s8.cuh", "if (row >= args_.m) return;", ""},
    {"a persistent CTA leaves out every other row", kPersistentRows, "registers_s8.cuh",
     "static_cast<long long>(grid_size()) * config.rows", "2LL * grid_size() * config.rows"},
    {"a row's offset has 32 bits", with(OperandCase::far, kRow), "row_input.cuh", "row_ * args_.ldx * kInputBytes",
     "static_cast<int>(static_cast<unsigned>(row_) * static_cast<unsigned>(args_.ldx)) * kInputBytes"},
    {"the kernel before is not waited for", kDependentRow, "registers_s8.cuh", "wait_for_prerequisites();", ";"},
};

}  // namespace ditune::test::quantize_s8
