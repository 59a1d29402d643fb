// SPDX-License-Identifier: Apache-2.0
// What happens to a row of X on its way to the int8 GEMM that reads it. Shared by host and device; C++17.
//
//     h = to_x(x + y)                          residual: y or g * y or g * (rms_norm(y) * w1) is added; h is stored
//     v = norm(h)                              rms or layer, with a weight and a bias; rms_head: of each head alone
//     v = v * (1 + s) + t                      modulation
//     v = act(v)                               of columns from `split` on
//     v = v * c                                smoothing
//     v = rope(v)                              rotary embedding of each head, by the row's position
//     v = hadamard(v)                          in groups of `rotate` columns
//     q = rint(v * (127 / absmax)), scale = absmax / 127
//
// Each step is optional. docs/numerics.md has each to the rounding step, and the order of sums.
#pragma once

#include "host_device.cuh"

namespace ditune {

enum class InputType : unsigned char { bf16, f16, f32 };  // of x, x2, y, h
// What is added to x: y, g * y, or g * (rms_norm(y) * w1).
enum class Branch : unsigned char { none, add, gate, gate_rms };
enum class Norm : unsigned char { none, rms, layer, rms_head };
enum class NormWeight : unsigned char { none, plain, plus_one };              // w [K]: * w, or * (1 + w)
enum class NormBias : unsigned char { none, plain };                          // b [K]: + b
enum class Modulation : unsigned char { none, scale, scale1, scale1_shift };  // * s, * (1 + s), * (1 + s) + t
// Which row of g, s and t a row of x has: the only one; m / rows_per_image; index[m].
enum class ModulationTable : unsigned char { all, image, index };
// swiglu: X is twice as wide, and silu(first half) * second half goes on; swiglu_interleaved: of columns 2k and 2k + 1.
enum class Activation : unsigned char { none, gelu_tanh, gelu_erf, silu, swiglu, swiglu_interleaved };
enum class Smoothing : unsigned char { off, on };  // c [K]
// Which columns of a head turn together (RoFormer, arXiv 2104.09864): i and i + head / 2, or 2i and 2i + 1.
enum class Rope : unsigned char { none, half, pairs };
enum class ParameterType : unsigned char { same, f32 };       // of g, s, t, w, b, w1, c: that of x, or float32
enum class QuantizedScale : unsigned char { token, tensor };  // of each row, computed; or one value, given
enum class QuantizedType : unsigned char { s8, bf16, f16 };   // the halves: not quantized

struct Prologue {
  InputType x = InputType::bf16;
  Branch residual = Branch::none;
  Norm norm = Norm::none;
  NormWeight weight = NormWeight::none;
  NormBias bias = NormBias::none;
  Modulation modulate = Modulation::none;
  ModulationTable table = ModulationTable::all;
  Activation act = Activation::none;
  int split = 0;  // columns from here on are those of a second buffer; 0: there is one alone
  Smoothing smooth = Smoothing::off;
  int rotate = 1;  // columns of a Hadamard group
  ParameterType parameters = ParameterType::same;
  QuantizedScale scale = QuantizedScale::token;
  QuantizedType out = QuantizedType::s8;
  int head = 0;  // columns of a head; 0: nothing asks for heads
  Rope rope = Rope::none;
};

DITUNE_HOST_DEVICE int input_bytes(InputType type) { return type == InputType::f32 ? 4 : 2; }
DITUNE_HOST_DEVICE bool is_gated(const Prologue& p) {
  return p.residual == Branch::gate || p.residual == Branch::gate_rms;
}
DITUNE_HOST_DEVICE bool is_swiglu(const Prologue& p) {
  return p.act == Activation::swiglu || p.act == Activation::swiglu_interleaved;
}
// Whether there are rows of g, s or t.
DITUNE_HOST_DEVICE bool has_table(const Prologue& p) { return is_gated(p) || p.modulate != Modulation::none; }

// What weight, bias and modulation make of a column: a factor, and a term behind it.
DITUNE_HOST_DEVICE bool has_factor(const Prologue& p) {
  return p.weight != NormWeight::none || p.modulate != Modulation::none;
}
DITUNE_HOST_DEVICE bool has_term(const Prologue& p) {
  return p.bias != NormBias::none || p.modulate == Modulation::scale1_shift;
}

// Whether the norm is one of the whole row.
DITUNE_HOST_DEVICE bool has_row_norm(const Prologue& p) { return p.norm == Norm::rms || p.norm == Norm::layer; }

// Sums over a row: of the branch's norm and of the norm.
DITUNE_HOST_DEVICE int row_sums(const Prologue& p) {
  const int norm = p.norm == Norm::layer ? 2 : has_row_norm(p) ? 1 : 0;
  return norm + (p.residual == Branch::gate_rms ? 1 : 0);
}

// Whether heads are to be known.
DITUNE_HOST_DEVICE bool has_heads(const Prologue& p) { return p.norm == Norm::rms_head || p.rope != Rope::none; }

// Columns that the first and the second buffer have for k columns of output.
DITUNE_HOST_DEVICE long long first_columns(const Prologue& p, long long k) {
  return p.split > 0 ? p.split : is_swiglu(p) ? 2 * k : k;
}
DITUNE_HOST_DEVICE long long second_columns(const Prologue& p, long long k) {
  return p.split == 0 ? 0 : is_swiglu(p) ? 2 * (k - p.split) : k - p.split;
}

// Whether q may be exactly x: of each row as many bytes are read as written, and h is not there instead.
DITUNE_HOST_DEVICE bool may_be_in_place(const Prologue& p) {
  return p.out != QuantizedType::s8 && p.x != InputType::f32 && p.residual == Branch::none && p.split == 0 &&
         !is_swiglu(p);
}

}  // namespace ditune
