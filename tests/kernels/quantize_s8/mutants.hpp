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
inline const Ground kManyRows{kRow.config, "m=40,k=1000"};
inline const Ground kWarps{"registers_s8:threads=32,octets=4,rows=4", "m=5,k=1000"};
inline const Ground kPersistentRows{"registers_s8:threads=64,octets=2,schedule=persistent", "m=9,k=1000"};
inline const Ground kSharedTables{kPersistentRows.config + ",columns=shared",
                                  "m=9,k=1000,x=f32,norm=rms,modulate=scale1_shift,table=image"};
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
inline const Ground kFloatRotated{kRotated.config, "m=24,k=1024,x=f32,rotate=256"};
inline const Ground kRotatedSums{kRotated.config, "m=24,k=1024,x=f32,norm=rms,rotate=256"};
inline const Ground kRotatedEnd{"registers_s8:threads=64,octets=3", "m=5,k=1280,rotate=256"};
inline const Ground kTinyRotated{kRotated.config, "m=24,k=1024,x=f32,rotate=256", OperandCase::extreme};
inline const Ground kExtremeRows{"registers_s8:threads=128,octets=1", "m=5,k=1000,x=f32", OperandCase::extreme};
inline const Ground kExtremeNorm{kRow.config, "m=5,k=1000,x=f32,norm=rms", OperandCase::extreme};
inline const Ground kGivenScale{kRow.config, "m=5,k=1000,scale=tensor"};
inline const Ground kExtremeGiven{kRow.config, "m=5,k=1000,norm=rms,scale=tensor", OperandCase::extreme};
inline const Ground kSwigluRow{kRow.config, "m=5,k=1000,act=swiglu"};
inline const Ground kSplitRow{kOddColumns.config, "m=5,k=1001,act=gelu_tanh,split=21"};
inline const Ground kSplitOctets{kRow.config, "m=5,k=1000,act=silu,split=24"};
inline const Ground kHeads{"registers_s8:threads=64,octets=2", "m=5,k=768,x=f32,norm=rms_head,head=256,rope=half"};
inline const Ground kPairs{kHeads.config, "m=5,k=768,x=f32,head=32,rope=pairs"};
inline const Ground kTurnedInPlace{kHeads.config, "m=5,k=768,head=128,rope=half,out=bf16"};
inline const Ground kDependentRow{kRow.config + ",launch=dependent", "m=5,k=1000", OperandCase::plain, 90};

inline const Ground kStaged{"staged_s8:threads=64,octets=2", "m=9,k=1000", OperandCase::plain, 90};
inline const Ground kStagedBranch{kStaged.config, "m=9,k=1000,residual=gate_rms", OperandCase::plain, 90};
inline const Ground kStagedSplit{kStaged.config, "m=9,k=1000,act=swiglu,split=504", OperandCase::plain, 90};
inline const Ground kStagedColumns{"staged_s8:threads=64,octets=2,columns=shared",
                                   "m=9,k=1000,residual=gate_rms,norm=rms,weight=plain", OperandCase::plain, 90};
inline const Ground kStagedByAll{"staged_s8:threads=64,octets=2,copy=async", "m=9,k=1000"};
inline const Ground kStagedRotated{kStagedByAll.config, "m=9,k=1024,rotate=256"};
inline const Ground kStagedDependent{kStaged.config + ",launch=dependent", "m=9,k=1000", OperandCase::plain, 90};

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
     "row * scratch_bytes(kThreads)",
     "0"},
    {"agreements of a row share a place", kLayerNorm, "row_threads.cuh", "turn_ * kMaxUnit + octet", "octet"},
    {"the rows of a persistent CTA do not take turns", kPersistentRows, "row_threads.cuh",
     "thread_ % kWarps)));\n      turn_ ^= 1;", "thread_ % kWarps)));"},
    {"a warp is left out of the largest value", kManyRows, "row_threads.cuh", "thread_ % kWarps",
     "thread_ % (kWarps - 1)"},

    // ---- the order of sums
    {"neighbouring warps are added first", kFloatSums, "row_threads.cuh", "part[i] = add(part[i], part[i + half]);",
     "part[i] = add(part[2 * i], part[2 * i + 1]);"},
    {"neighbouring lanes are added first", kFloatSums, "row_threads.cuh", "int mask = kFrom; mask >= kTo; mask /= 2",
     "int mask = kTo; mask <= kFrom; mask *= 2"},
    {"a thread adds its unit's octets first", kRotatedSums, "row_threads.cuh", "    add_lanes<kUnit, 16, 4>(mine);\n",
     "    mine[0] = add(mine[0], mine[2]), mine[1] = add(mine[1], mine[3]), mine[2] = mine[3] = 0.0f;\n"
     "    add_lanes<kUnit, 16, 4>(mine);\n"},
    {"a thread's octets are added one after the other", kFloatSums, "row.cuh",
     "if (u + half < layout.units) of_unit[u] = add(of_unit[u], of_unit[u + half]);",
     "if (half == 1) for (int i = 1; i < layout.units; ++i) of_unit[0] = add(of_unit[0], of_unit[i]);"},
    {"octets that are read again are added in their own order", kSumsAgain, "row.cuh",
     "(next >> bit & 1) << (bits - 1 - bit)", "(next >> bit & 1) << bit"},
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
     "if constexpr (p.residual == Branch::none) {\n      input_.load(at, v);",
     "if constexpr (true) {\n      input_.load(at, v);"},
    {"h is read again through a cache of constants", kJoinedAgain, "row_input.cuh",
     "load_octet<p.x, aligned, Memory::written>(v, h_row()", "load_octet<p.x, aligned>(v, h_row()"},
    {"what is written in place is read through a cache of constants", kJoined, "row_input.cuh",
     "kInPlace ? Memory::written : Memory::constant", "Memory::constant"},
    {"the branch is read where h was written", kJoinedApart, "row_input.cuh",
     "static_cast<const char*>(args_.y) + row_ * args_.ldy", "static_cast<const char*>(args_.h) + row_ * args_.ldh"},
    {"h's rows are as far apart as x's", kJoinedApart, "row_input.cuh", "row_ * args_.ldh", "row_ * args_.ldx"},
    {"the branch's rows are as far apart as x's", kJoinedApart, "row_input.cuh", "row_ * args_.ldy",
     "row_ * args_.ldx"},

    // ---- heads
    {"a head's sum lacks half of it", kHeads, "rope.cuh", "head / kOctet / 2; mask > 0", "head / kOctet / 4; mask > 0"},
    {"the other half is that of another octet", kHeads, "rope.cuh", "p.head / kOctet / 2), sine",
     "p.head / kOctet / 4), sine"},
    {"a head's mean is that of the row", kHeads, "row_steps.cuh", "static_cast<float>(p.head)",
     "static_cast<float>(row_columns_)"},
    {"the norm of heads has no eps", with(OperandCase::extreme, kHeads), "row_steps.cuh",
     "static_cast<float>(p.head), eps_)", "static_cast<float>(p.head), 0.0f)"},
    {"both halves turn the same way", kHeads, "rope.cuh", "is_second_ ? across : -across", "across"},
    {"a pair turns the other way", kPairs, "rope.cuh", "multiply_add(before, cosine, -multiply",
     "multiply_add(before, cosine, multiply"},
    {"a pair's second is turned by what its first became", kPairs, "rope.cuh", "multiply(before, sine)",
     "multiply(v[i], sine)"},
    {"angles are those of the next position", kPairs, "rope.cuh", "static_cast<unsigned>(row) %",
     "(static_cast<unsigned>(row) + 1) %"},
    {"positions do not begin again", kPairs, "rope.cuh",
     "static_cast<unsigned>(row) % static_cast<unsigned>(args.positions)", "static_cast<unsigned>(row)"},
    {"angles of the second octet are the first's", kHeads, "rope.cuh", "angle_[1], angles, {first, kOctet}",
     "angle_[1], angles, {first, 0}"},
    {"rows of angles are packed", with(OperandCase::padded, kPairs), "rope.cuh", "position * args.ldr",
     "position * p.head"},
    {"what q overwrites is read through a cache of constants", kTurnedInPlace, "row_input.cuh",
     "p.residual != Branch::none || may_be_in_place(p)", "p.residual != Branch::none"},

    // ---- norm and modulation
    {"the norm has no eps", kExtremeNorm, "octets.cuh", "add(divide(sum, k), eps)", "divide(sum, k)"},
    {"the mean is not taken off", kLayerNorm, "row_steps.cuh", "add(v[i], -mean)", "v[i]"},
    {"columns that do not exist have a mean", kLayerNorm, "row_steps.cuh", "inside ? add(v[i], -mean) : 0.0f",
     "add(v[i], -mean)"},
    {"the shift is left out", kColumnTerms, "row_steps.cuh",
     "has_term(p) ? multiply_add(v[i], factor[i], term[i]) : multiply(v[i], factor[i])", "multiply(v[i], factor[i])"},
    {"the bias is not modulated", kColumnTerms, "columns.cuh", "multiply_add(b[i], m[i], term[i])",
     "add(b[i], term[i])"},
    {"s is taken for 1 + s", kColumnTerms, "columns.cuh", "if constexpr (p.modulate != Modulation::scale) add_one(m);",
     ""},
    {"a row has the table of the next image", kColumnTerms, "columns.cuh",
     "static_cast<unsigned>(row) / static_cast<unsigned>(args.rows_per_image)",
     "(static_cast<unsigned>(row) + 1) / static_cast<unsigned>(args.rows_per_image)"},
    {"a persistent CTA keeps the first image's table", kPersistentTables, "columns.cuh", "table != table_",
     "table_ < 0"},
    {"columns in shared memory are those of the first image", kSharedTables, "columns.cuh", "table != table_",
     "table_ < 0"},
    {"threads share their columns", kSharedTables, "shared_columns.cuh",
     "begin + 16 * static_cast<SharedAddress>(thread)", "begin"},
    {"the halves of an octet's columns lie in one place", kSharedTables, "shared_columns.cuh", "* 2 + half)", "* 2)"},
    {"term and factor lie in one place", kSharedTables, "shared_columns.cuh", "store(i, 1, term)", "store(i, 0, term)"},
    {"the gate is what the factor is", kStagedColumns, "shared_columns.cuh", "load(i, kGate, g)", "load(i, 0, g)"},
    {"columns begin where the scratch does", kStagedColumns, "staged_s8_config.cuh",
     "return scratch_bytes(c.threads) + 16 * c.stages;", "return 0;"},
    {"stages begin where the columns do", kStagedColumns, "staged_s8_config.cuh",
     "? column_bytes(p, c.threads, c.octets)", "? 0"},
    {"columns of a row begin where its scratch does", kSharedTables, "registers_s8.cuh",
     "config.rows * scratch_bytes(config.threads)", "0"},
    {"a table's rows are K apart", with(OperandCase::padded, kColumnTerms), "columns.cuh", "table * args.ldt",
     "table * args.k"},

    // ---- columns of their own
    {"the halves of swiglu are swapped", kSwigluRow, "row_input.cuh", "multiply(silu(a[i]), b[i])",
     "multiply(silu(b[i]), a[i])"},
    {"all columns are activated", kSplitOctets, "row_steps.cuh", "p.split == 0 || column_of(at) + i >= p.split",
     "true"},
    {"the activation begins a column late", kSplitRow, "row_steps.cuh", "column_of(at) + i >= p.split",
     "column_of(at) + i > p.split"},
    {"the second buffer begins at the split", kSplitRow, "row_input.cuh", "const int its = column - p.split;",
     "const int its = column;"},
    {"the second buffer's octets begin at the split", kSplitOctets, "row_input.cuh",
     "moved(at, -p.split), columns_ - p.split", "at, columns_"},

    // ---- rotation
    {"a lane takes a digit from the wrong neighbour", kRotated, "hadamard.cuh", "v[j][i + 4], 1)", "v[j][i + 4], 2)"},
    {"the highest digit is left out", kRotated, "hadamard.cuh", "step < kUnit", "step < kUnit / 2"},
    {"values that differ in a digit's higher bit are added first", kFloatRotated, "hadamard.cuh",
     "const float sum = add(half, shuffle_xor(half, mask));",
     "const float sum = add(add(a, shuffle_xor(a, mask)), add(b, shuffle_xor(b, mask)));"},
    {"threads beyond the row leave the warp alone", kRotatedEnd, "row.cuh", "threads_.index() / 32 * 32, columns_",
     "threads_.index(), columns_"},
    {"lanes swap the wrong octets", kRotated, "row_output.cuh", "is_higher ? first : second, 2",
     "is_higher ? second : first, 2"},
    {"a swapped octet is stored where it was", kRotated, "row_output.cuh", "is_higher ? kHigher | kLower : 0", "0"},
    {"groups beyond the row are stored", kRotatedEnd, "row_output.cuh", "if (is_beyond) continue;", ""},
    {"a rotation's scale is forgotten", kRotated, "row.cuh", "multiply(its.usual_factor(), rotation_scale(p.rotate))",
     "its.usual_factor()"},
    {"a tiny row is scaled with its factor", kTinyRotated, "octets.cuh", "absmax_ >= 0x1p-100f && ", ""},
    {"octets of a group are not read backwards", kRotated, "row_output.cuh",
     "{at.thread ^ (kBackwards - kOfUnit), at.octet ^ kOfUnit}", "at"},
    {"an octet is not read backwards", kRotated, "row_output.cuh", "p.rotate > 1 ? kOctet - 1 - i : i", "i"},

    // ---- what is stored
    {"a row with a NaN is not flagged", kExtremeRows, "octets.cuh",
     "absmax_ <= kLargest ? divide(absmax_, 127.0f) : float_from_bits(0x7fffffffu)", "divide(absmax_, 127.0f)"},
    {"the factor of tiny rows is infinite", kExtremeRows, "octets.cuh", "minimum(divide(127.0f, absmax_), kLargest)",
     "divide(127.0f, absmax_)"},
    {"a row has the scale of the one before", kRow, "row.cuh", "args_.scale + row_, its.scale()",
     "args_.scale + (row_ + 1) % args_.m, its.scale()"},
    {"a given scale lets -128 through", kGivenScale, "row_output.cuh", "multiply(value, factor), -127.0f",
     "multiply(value, factor), -128.0f"},
    {"NaN with a given scale is no 0", kExtremeGiven, "row_output.cuh",
     "clamped == clamped ? quantized(clamped, 1.0f) : 0u", "quantized(clamped, 1.0f)"},
    {"the last column is not stored", kOddColumns, "octets.cuh", "if (column_of(at) + i >= columns) return;",
     "if (column_of(at) + i >= columns - 1) return;"},
    {"a column beyond the last is stored", kOddColumns, "octets.cuh", "if (column_of(at) + i >= columns) return;",
     "if (column_of(at) + i > columns) return;"},
    {"the last column is not read", kOddColumns, "octets.cuh", "aligned ? kOctet : columns - column_of(at)",
     "aligned ? kOctet : columns - column_of(at) - 1"},
    {"an octet beyond the last is stored", kRow, "octets.cuh", "if (column_of(at) >= columns) return;", ""},
    {"the output's rows are K apart", with(OperandCase::padded, kRow), "row_output.cuh", "row_ * args_.ldq;",
     "row_ * args_.k;"},

    // ---- rows
    {"rows that do not exist have threads", kWarps, "registers_s8.cuh", "if (row >= args_.m) return;", ""},
    {"a persistent CTA leaves out every other row", kPersistentRows, "registers_s8.cuh",
     "static_cast<long long>(grid_size()) * config.rows", "2LL * grid_size() * config.rows"},
    {"a row's offset has 32 bits", with(OperandCase::far, kRow), "row_input.cuh", "row_ * args_.ldx * kBytes",
     "static_cast<int>(static_cast<unsigned>(row_) * static_cast<unsigned>(args_.ldx)) * kBytes"},
    {"the kernel before is not waited for", kDependentRow, "registers_s8.cuh", "wait_for_prerequisites();", ";"},

    // ---- stages
    {"a row is read before it has come", kStaged, "row_stages.cuh", "transaction_wait(barrier(stage), round & 1);", ""},
    {"a stage's second row waits for the first again", kStaged, "staged_s8.cuh", "stage = 0, ++round", "stage = 0"},
    {"a stage waits for the wrong phase", kStaged, "row_stages.cuh", "round & 1", "~round & 1"},
    {"the next row overwrites one that is in use", kStaged, "staged_s8.cuh", "stages.free();", ""},
    {"a copy does not come after what was read before", kStaged, "row_stages.cuh",
     "if constexpr (kIsBulk) async_fence();", ""},
    {"a stage's barrier expects too few bytes", kStagedBranch, "row_stages.cuh",
     "transaction_expect(barrier(stage), static_cast<int>(stage_bytes(p, args_.k)));",
     "transaction_expect(barrier(stage), static_cast<int>(first_columns(p, args_.k)) * input_bytes(p.x));"},
    {"a stage's barrier expects bytes that do not come", kStaged, "row_stages.cuh",
     "transaction_expect(barrier(stage), static_cast<int>(stage_bytes(p, args_.k)));",
     "transaction_expect(barrier(stage), static_cast<int>(stage_bytes(p, args_.k)) + 16);"},
    {"barriers are not there yet", kStaged, "row_stages.cuh",
     "        transaction_init_fence();\n      }\n      block_barrier();", "      }"},
    {"stages lie in one place", kStaged, "row_stages.cuh", "stage * static_cast<int>(stage_bytes(p, args_.k))",
     "0 * stage"},
    {"stages begin where the barriers are", kStaged, "staged_s8_config.cuh",
     "return scratch_bytes(c.threads) + 16 * c.stages;", "return scratch_bytes(c.threads);"},
    {"the second buffer lies where the first does", kStagedSplit, "row_stages.cuh",
     "first() + bytes(first_columns(p, k_))", "first()"},
    {"the branch lies where the row does", kStagedBranch, "row_stages.cuh", "second() + bytes(second_columns(p, k_))",
     "first()"},
    {"a row too many is left out", kStaged, "staged_s8.cuh", "row + config.stages * step",
     "row + (config.stages + 1) * step"},
    {"rows that do not exist are asked for", kStaged, "row_stages.cuh", "if (row < args_.m) {", "{"},
    {"a group of copies too many is under way", kStagedByAll, "row_stages.cuh", "config.stages - 1", "config.stages"},
    {"what other threads copied is not waited for", kStagedRotated, "row_stages.cuh",
     "copy_async_wait<config.stages - 1>();\n      block_barrier();", "copy_async_wait<config.stages - 1>();"},
    {"no group of copies stands for a row that does not exist", kStagedByAll, "row_stages.cuh",
     "if constexpr (!kIsBulk) copy_async_commit();", "if (!kIsBulk && row < args_.m) copy_async_commit();"},
    {"the last columns are not copied", kStagedByAll, "row_stages.cuh", "at < bytes", "at + 16 < bytes"},
    {"staged rows do not wait for the kernel before", kStagedDependent, "staged_s8.cuh", "wait_for_prerequisites();",
     ";"},
};

}  // namespace ditune::test::quantize_s8
