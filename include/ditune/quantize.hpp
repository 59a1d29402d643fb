// SPDX-License-Identifier: Apache-2.0
// The kind quantize_s8, the producer of an int8 GEMM's rows: residual, norm, modulation, activation, rotation and
// quantization of X [M, K] in one pass. templates/quantize_s8/prologue_spec.cuh says what each field does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ditune/members.hpp"
#include "prologue_spec.cuh"

namespace ditune {

constexpr bool operator==(const Prologue& a, const Prologue& b) { return members(a) == members(b); }

// Comma-separated key=value in the order of the struct's members, defaults left out; all defaults are "default".
//   x=bf16|f16|f32  residual=none|add|gate|gate_rms  norm=none|rms|layer|rms_head  weight=none|plain|plus_one
//   bias=none|plain  modulate=none|scale|scale1|scale1_shift  table=all|image|index
//   act=none|gelu_tanh|gelu_erf|silu|swiglu|swiglu_interleaved  split=COLUMN  smooth=off|on  rotate=1|16|64|256
//   parameters=same|f32  scale=token|tensor  out=s8|bf16|f16  head=16|32|64|128|256  rope=none|half|pairs
std::string format(const Prologue& prologue);

// Accepts keys in any order; parse_prologue(format(p)) == p. Throws UsageError on an unknown or repeated key, an
// unknown value, and on what validate refuses.
Prologue parse_prologue(std::string_view text);

// Throws UsageError on fields that exclude one another: a weight or a bias without a norm; a bias without a weight; a
// table without g or s; a residual, norm, modulation or rope together with swiglu or a split; a given scale without
// int8; `head` without norm=rms_head and without a rope, either of these without `head`, and all three with a rotation.
// And on a size of `rotate` or `head` that is not listed above.
void validate(const Prologue& prologue);

struct Quantize {
  std::int64_t m = 0, k = 0;
  Prologue prologue = {};
  bool operator==(const Quantize&) const = default;
};

// Throws UsageError unless 1 <= m <= 2^31 - 1 and 1 <= k <= 131071, the prologue is legal, its Hadamard groups and
// heads divide k, and its split is one of the columns.
void validate(const Quantize& quantize);

}  // namespace ditune
