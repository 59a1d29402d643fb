// SPDX-License-Identifier: Apache-2.0
// What a kernel fuses behind its int32 accumulator. Shared by host and device; C++17.
//
//     y   = (float(acc) * sx[m]) * sw[n]      float32, round to nearest, never contracted
//     y   = y + bias[n]                       if there is a bias, converted to float32 first
//     out = to_output(op(y))                  one rounding
#pragma once

#include "host_device.cuh"

namespace ditune {

enum class ScaleX : unsigned char { token, tensor };        // sx: float32 [M], or one value
enum class ScaleW : unsigned char { channel, tensor };      // sw: float32 [N], or one value
enum class Bias : unsigned char { none, f32, bf16, f16 };   // [N]
enum class EpilogueOp : unsigned char { none };             // applied to y in float32
enum class Output : unsigned char { bf16, f16, f32, s32 };  // s32 is acc itself: no scale, no bias

struct Epilogue {
  ScaleX sx = ScaleX::token;
  ScaleW sw = ScaleW::channel;
  Bias bias = Bias::none;
  EpilogueOp op = EpilogueOp::none;
  Output out = Output::bf16;
};

DITUNE_HOST_DEVICE int output_bytes(Output out) { return out == Output::bf16 || out == Output::f16 ? 2 : 4; }

}  // namespace ditune
