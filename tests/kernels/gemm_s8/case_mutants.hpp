// SPDX-License-Identifier: Apache-2.0
// Mistakes that plain operands do not show, each with the case of operands that must. Those in tensor maps, which the
// host makes, are no mutants: tests/generator/kernel_parameter_test.cpp knows what maps hold.
#pragma once

#include <string>
#include <vector>

#include "gemm.hpp"
#include "kernels/gemm_s8/mutants.hpp"

namespace ditune::test {

// With operands of a case: rows of Y as plain operands have them are right behind one another.
inline Ground with(OperandCase operands, Ground ground) {
  ground.operands = operands;
  ground.ldy = ground.problem.n;
  return ground;
}

inline const std::string kSmallMma = "mma_s8:tile=32x64x64,warps=1x2,stages=3";
inline const std::string kSmallWgmma = "wgmma_s8:tile=128x64,stages=3";

inline const Ground kMma{kSmallMma, {40, 72, 400}, 72, {.bias = Bias::f32}};
inline const Ground kNarrowLoads{kSmallMma + ",load=4", {40, 72, 400}, 72, {}};
// Random values have sums that a float holds, even over so long a K.
inline const Ground kSums{kSmallMma + ",split_k=3", {20, 40, 4112}, 40, {}};
inline const Ground kWholeSums{kSmallMma, {20, 40, 4112}, 40, {.out = Output::s32}};
inline const Ground kFlushed{kSmallMma, {20, 40, 400}, 40, {.out = Output::f32}};
inline const Ground kStreamSums{kSmallWgmma + ",decomposition=stream_k", {100, 40, 4112}, 40, {}, 3, 90};

inline const std::vector<Mutant<Ground>> kCaseMutants = {
    // ---- row pitches
    {"W's rows are as far apart as X's", with(OperandCase::padded, kMma), "mma_s8_load.cuh", "w(args.ldw, thread)",
     "w(args.ldx, thread)"},
    {"X's rows are K apart", with(OperandCase::padded, kMma), "mma_s8_load.cuh", "x(args.ldx, thread)",
     "x(args.k, thread)"},
    {"W's rows are K apart", with(OperandCase::padded, kMma), "mma_s8_load.cuh", "w(args.ldw, thread)",
     "w(args.k, thread)"},
    {"Y's rows are N apart", with(OperandCase::padded, kMma), "dequantize.cuh", "(row * args.ldy + column)",
     "(row * args.n + column)"},
    {"rows are loaded in pieces of 16 bytes whatever their alignment", with(OperandCase::odd, kNarrowLoads),
     "mma_s8_load.cuh",
     "part += config.load) {\n        copy_async<config.load>(destination + part, from + part, valid && part < "
     "remaining)",
     "part += 16) {\n        copy_async<16>(destination + part, from + part, valid && part < remaining)"},
    {"Y's rows are aligned as N is", with(OperandCase::odd, kMma), "dequantize.cuh", "args.ldy % Outputs == 0",
     "args.n % Outputs == 0"},
    {"whole tiles are stored as if Y's rows were aligned as N is", with(OperandCase::odd, kMma), "mma_s8_output.cuh",
     "gemm.ldy % 8 == 0", "gemm.n % 8 == 0"},

    // ---- sums
    {"parts of K are added as floats", with(OperandCase::extreme, kSums), "mma_s8_split_k.cuh",
     "+= static_cast<int>(other[v].word[c])",
     "= static_cast<int>(static_cast<float>(sums.acc[i][2 * pair + c / 2][half * 2 + c % 2]) +\n"
     "static_cast<float>(static_cast<int>(other[v].word[c])))"},
    {"parts of K are left as floats hold them", with(OperandCase::extreme, kSums), "mma_s8_split_k.cuh",
     "static_cast<unsigned>(sums.acc[i][2 * pair + c / 2][half * 2 + c % 2])",
     "static_cast<unsigned>(static_cast<int>(static_cast<float>(sums.acc[i][2 * pair + c / 2][half * 2 + c % 2])))"},
    {"int32 outputs go through a float", with(OperandCase::extreme, kWholeSums), "dequantize.cuh",
     "packed.word[i] = static_cast<unsigned>(part.acc[i])",
     "packed.word[i] = static_cast<unsigned>(static_cast<int>(to_float(part.acc[i])))"},
    {"parts of a tile are added as floats", with(OperandCase::extreme, kStreamSums), "wgmma_s8_stream_k.cuh",
     "+= static_cast<int>(loaded[i - first].word[c])",
     "= static_cast<int>(static_cast<float>(sums.acc[i / kBlockVectors][i % kBlockVectors * 4 + c]) +\n"
     "static_cast<float>(static_cast<int>(loaded[i - first].word[c])))"},
    {"parts of a tile are left as floats hold them", with(OperandCase::extreme, kStreamSums), "wgmma_s8_stream_k.cuh",
     "static_cast<unsigned>(sums.acc[i / kBlockVectors][i % kBlockVectors * 4 + c])",
     "static_cast<unsigned>(static_cast<int>(static_cast<float>(sums.acc[i / kBlockVectors][i % kBlockVectors * 4 + "
     "c])))"},

    {"subnormal scales are flushed", with(OperandCase::extreme, kFlushed), "dequantize.cuh",
     "multiply(to_float(acc), row_scale)",
     "multiply(to_float(acc), row_scale < 0x1p-126f && row_scale > -0x1p-126f ? 0.0f : row_scale)"},

    // ---- offsets beyond 32 bits
    {"a row's offset in Y has 32 bits", with(OperandCase::far, kMma), "dequantize.cuh", "(row * args.ldy + column)",
     "static_cast<int>(static_cast<unsigned>(row) * static_cast<unsigned>(args.ldy) + column)"},
    {"a row's offset in X and W has 32 bits", with(OperandCase::far, kMma), "mma_s8_load.cuh", "base + row * stride",
     "base + static_cast<int>(static_cast<unsigned>(row) * static_cast<unsigned>(stride))"},
    {"a row's offset in X and W has 32 bits without a sign", with(OperandCase::far, kMma), "mma_s8_load.cuh",
     "base + row * stride", "base + static_cast<unsigned>(row) * static_cast<unsigned>(stride)"},
    {"the offset from a thread's first row to the next has 32 bits", with(OperandCase::far, kMma), "mma_s8_load.cuh",
     "static_cast<long long>(stride) * row_step(pass)",
     "static_cast<int>(static_cast<unsigned>(stride) * static_cast<unsigned>(row_step(pass)))"},
};

}  // namespace ditune::test
