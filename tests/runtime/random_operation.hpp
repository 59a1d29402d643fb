// SPDX-License-Identifier: Apache-2.0
// Legal operations of random fields.
#pragma once

#include <random>

#include "ditune/error.hpp"
#include "ditune/operation.hpp"

namespace ditune::test {

template <class Enum>
Enum any(std::mt19937& engine, unsigned count) {
  return static_cast<Enum>(engine() % count);
}

// 1 to `most`.
inline std::int64_t up_to(std::mt19937& engine, unsigned most) {
  return static_cast<std::int64_t>(1 + engine() % most);
}

inline Epilogue random_epilogue(std::mt19937& engine, std::int64_t n) {
  for (;;) {
    const Epilogue epilogue{.sx = any<ScaleX>(engine, 2),
                            .sw = any<ScaleW>(engine, 2),
                            .bias = any<Bias>(engine, 4),
                            .op = any<EpilogueOp>(engine, 6),
                            .from = engine() % 2 == 0 ? 0 : static_cast<int>(engine() % static_cast<unsigned>(n)),
                            .residual = any<Residual>(engine, 4),
                            .gate = any<Gate>(engine, 4),
                            .out = any<Output>(engine, 4)};
    try {
      validate(Gemm{.m = 1, .n = n, .k = 1, .epilogue = epilogue});
      return epilogue;
    } catch (const UsageError&) {
    }
  }
}

inline Prologue random_prologue(std::mt19937& engine, std::int64_t k) {
  for (;;) {
    const Prologue prologue{.x = any<InputType>(engine, 3),
                            .residual = any<Branch>(engine, 4),
                            .norm = any<Norm>(engine, 4),
                            .weight = any<NormWeight>(engine, 3),
                            .bias = any<NormBias>(engine, 2),
                            .modulate = any<Modulation>(engine, 4),
                            .table = any<ModulationTable>(engine, 3),
                            .act = any<Activation>(engine, 6),
                            .split = engine() % 2 == 0 ? 0 : static_cast<int>(engine() % static_cast<unsigned>(k)),
                            .smooth = any<Smoothing>(engine, 2),
                            .rotate = engine() % 2 == 0 ? 1 : 16,
                            .parameters = any<ParameterType>(engine, 2),
                            .scale = any<QuantizedScale>(engine, 2),
                            .out = any<QuantizedType>(engine, 3),
                            .head = engine() % 2 == 0 ? 0 : 16 << engine() % 3,
                            .rope = any<Rope>(engine, 3)};
    try {
      validate(Quantize{.m = 1, .k = k, .prologue = prologue});
      return prologue;
    } catch (const UsageError&) {
    }
  }
}

}  // namespace ditune::test
