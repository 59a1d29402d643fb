// SPDX-License-Identifier: Apache-2.0
// What a kernel fuses behind its int32 accumulator. Shared by host and device; C++17.
//
//     y   = (float(acc) * sx[m]) * sw[n]      float32, round to nearest, never contracted
//     y   = y + bias[n]                       if there is a bias, converted to float32 first
//     y   = op(y)                             of columns from `from` on. swiglu: silu(y[2j]) * y[2j+1] is column j
//     y   = r[m,n] + g * y                    if there is a residual; g only if there is a gate
//     out = to_output(y)                      one rounding
//
// docs/numerics.md has each step; activation.cuh the functions.
#pragma once

#include "host_device.cuh"

namespace ditune {

enum class ScaleX : unsigned char { token, tensor };       // sx: float32 [M], or one value
enum class ScaleW : unsigned char { channel, tensor };     // sw: float32 [N], or one value
enum class Bias : unsigned char { none, f32, bf16, f16 };  // [N]
// swiglu: rows of W are interleaved, gate 0, up 0, gate 1, ...; there are half as many outputs.
enum class EpilogueOp : unsigned char { none, gelu_tanh, gelu_erf, silu, sigmoid, swiglu };
enum class Residual : unsigned char { none, bf16, f16, f32 };  // r: [M, N]; may be y itself
// g, of the residual's type: [N]; or [G, N], of which row m has row m / rows_per_gate; or row gate_index[m].
enum class Gate : unsigned char { none, channel, table, index };
enum class Output : unsigned char { bf16, f16, f32, s32 };  // s32 is acc itself: none of the above

struct Epilogue {
  ScaleX sx = ScaleX::token;
  ScaleW sw = ScaleW::channel;
  Bias bias = Bias::none;
  EpilogueOp op = EpilogueOp::none;
  int from = 0;  // the first column that op is applied to
  Residual residual = Residual::none;
  Gate gate = Gate::none;
  Output out = Output::bf16;
};

DITUNE_HOST_DEVICE int output_bytes(Output out) { return out == Output::bf16 || out == Output::f16 ? 2 : 4; }
DITUNE_HOST_DEVICE int residual_bytes(Residual residual) {
  return residual == Residual::none ? 0 : residual == Residual::f32 ? 4 : 2;
}

// Of n columns of the accumulator.
DITUNE_HOST_DEVICE long long output_columns(const Epilogue& epilogue, long long n) {
  return epilogue.op == EpilogueOp::swiglu ? n / 2 : n;
}

}  // namespace ditune
