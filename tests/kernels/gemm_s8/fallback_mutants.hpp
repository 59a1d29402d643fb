// SPDX-License-Identifier: Apache-2.0
// Mistakes in what the built-in kernels add to mma_s8, each with a launch that should show it.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/gemm_s8/mutants.hpp"

namespace ditune::test {

inline Ground built_in(const Epilogue& epilogue, OperandCase operands = OperandCase::plain, std::int64_t k = 272) {
  return {.config = "mma_s8:tile=64x128x64,warps=2x4,stages=4",
          .problem = {70, 136, k},
          .ldy = 136,
          .epilogue = epilogue,
          .operands = operands,
          .is_built_in = true};
}

inline const std::vector<Mutant<Ground>> kFallbackMutants = {
    {"the last copies are not waited for", built_in({}), "fallback.cuh",
     "(result, tile, args);\n  copy_async_wait<0>();", "(result, tile, args);"},
    {"without a bias -0 becomes 0", built_in({.out = Output::f32}, OperandCase::extreme), "fallback.cuh",
     "bias[i] = -0.0f", "bias[i] = 0.0f"},
    {"scales of rows that do not exist are read", built_in({}), "fallback.cuh", "&& row < args.gemm.m ? row", "? row"},
    {"every row has a scale of its own", built_in({.sx = ScaleX::tensor}), "fallback.cuh",
     "args.epilogue.sx == ScaleX::token && row", "row"},
    {"every column has a scale of its own", built_in({.sw = ScaleW::tensor}), "fallback.cuh",
     "if (args.epilogue.sw == ScaleW::channel)", "if (true)"},
    {"all columns have the first one's scale", built_in({}), "fallback.cuh", "if (args.epilogue.sw == ScaleW::channel)",
     "if (false)"},
    {"a bias of bf16 is read as f16", built_in({.bias = Bias::bf16}), "fallback.cuh", "load_halves<Bias::bf16>",
     "load_halves<Bias::f16>"},
    {"a bias of f32 is left out", built_in({.bias = Bias::f32}), "fallback.cuh", "if (args.epilogue.bias == Bias::f32)",
     "if (false)"},
    {"f16 is packed as bf16", built_in({.out = Output::f16}), "fallback.cuh", ": pack<Output::f16, Outputs>(value)",
     ": pack<Output::bf16, Outputs>(value)"},
    {"int32 outputs go through a float", built_in({.out = Output::s32}, OperandCase::extreme, 4112), "dequantize.cuh",
     "static_cast<unsigned>(part.acc[i])", "static_cast<unsigned>(static_cast<int>(to_float(part.acc[i])))"},
    {"outputs of two bytes are stored as four", built_in({}), "fallback.cuh", "output_bytes(args.epilogue.out) == 4",
     "true"},
};

}  // namespace ditune::test
