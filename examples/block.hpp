// SPDX-License-Identifier: Apache-2.0
// The linear work of a block of Ideogram 4, in the middle of the model: four GEMMs and what makes their int8 rows. It
// is written once, as a list of launches on arrays that lie anywhere: graph.cpp runs it on a GPU, a test on the host.
//
//     h       = x + gate * rms_norm(y)                      the block before left y to be added
//     rows    = quantize(rms_norm(h) * (1 + scale))
//     qkv     = rows Wqkv^T
//     rows    = quantize(attention(qkv))                    attention is not part of ditune: V stands in for its result
//     o       = rows Wo^T
//     h       = h + gate * rms_norm(o)
//     rows    = quantize(rms_norm(h) * (1 + scale))
//     gate_up = silu(rows W1^T) * (rows W3^T)               rows of W1 and W3 interleaved
//     rows    = quantize(gate_up)
//     down    = rows W2^T                                   the next block's y
//
// Each norm has a weight, and gates and scales are those of one image: what the model's adaln layer makes of the
// timestep, once for all tokens.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string_view>
#include <variant>
#include <vector>

#include "ditune/operation.hpp"
#include "gemm_args.cuh"
#include "quantize_args.cuh"

namespace example {

struct BlockSizes {
  std::int64_t tokens = 4096 + 2048, hidden = 4608, mlp = 12288;  // 1024x1024 pixels, and 2048 tokens of text
};

// ---- arrays: Vector on the host; of any other type that has data() elsewhere

using Bf16 = std::uint16_t;  // its bits
template <class T>
using Vector = std::vector<T>;

// [hidden] each: h = x + gate * (rms_norm(y) * branch_norm), then rms_norm(h) * norm * (1 + scale).
template <template <class> class Array>
struct NormParameters {
  Array<Bf16> gate, branch_norm, norm, scale;
};

template <template <class> class Array>
struct Weight {
  Array<signed char> w;  // [N, K]
  Array<float> scales;   // [N]
};

template <template <class> class Array>
struct BlockInputs {
  Array<Bf16> x, y;  // [tokens, hidden]
  NormParameters<Array> attention, mlp;
  Weight<Array> qkv, o, gate_up, down;
};

// Of a linear layer: its input as the GEMM takes it, and its output.
template <template <class> class Array>
struct Linear {
  Array<signed char> rows;  // [tokens, K]
  Array<float> scales;      // [tokens]
  Array<Bf16> y;            // [tokens, N]; of gate_up N / 2
  bool operator==(const Linear&) const = default;
};

template <template <class> class Array>
struct BlockOutputs {
  Array<Bf16> h;  // [tokens, hidden]
  Linear<Array> qkv, o, gate_up, down;
  bool operator==(const BlockOutputs&) const = default;
};

// ---- the steps

// A launch.
struct Step {
  std::string_view name;
  ditune::Operation operation;
  std::variant<ditune::QuantizeArgs, ditune::FusedGemmArgs> args;
};

// `args` without q and scale, which become the rows of `linear`.
template <template <class> class Array>
Step producer(std::string_view name, std::string_view prologue, ditune::QuantizeArgs args, Linear<Array>& linear) {
  args.q = linear.rows.data(), args.scale = linear.scales.data();
  return {name, ditune::Quantize{args.m, args.k, ditune::parse_prologue(prologue)}, args};
}

template <template <class> class Array>
Step gemm(std::string_view name, const ditune::Gemm& gemm, const Weight<Array>& weight, Linear<Array>& linear) {
  ditune::FusedGemmArgs args{};
  args.x = linear.rows.data(), args.sx = linear.scales.data();
  args.w = weight.w.data(), args.sw = weight.scales.data();
  args.y = linear.y.data();
  args.m = gemm.m, args.n = gemm.n, args.k = gemm.k;
  args.ldx = gemm.k, args.ldw = gemm.k, args.ldy = output_columns(gemm);
  return {name, gemm, args};
}

// Sizes and strides of packed matrices; no pointer is set.
inline ditune::QuantizeArgs packed(std::int64_t tokens, std::int64_t columns) {
  ditune::QuantizeArgs args{};
  args.m = tokens, args.k = columns;
  args.ldx = args.ldy = args.ldh = args.ldq = columns;
  return args;
}

template <template <class> class Array>
ditune::QuantizeArgs modulated(const BlockSizes& sizes, const NormParameters<Array>& by) {
  ditune::QuantizeArgs args = packed(sizes.tokens, sizes.hidden);
  args.g = by.gate.data(), args.w1 = by.branch_norm.data();
  args.w = by.norm.data(), args.s = by.scale.data();
  args.eps = 1e-5F;
  return args;
}

// In their order. A GEMM's workspace is left to who launches it.
template <template <class> class Array>
std::vector<Step> block(const BlockSizes& sizes, const BlockInputs<Array>& in, BlockOutputs<Array>& out) {
  const auto [tokens, hidden, mlp] = sizes;
  const char* const residual_norm = "residual=gate_rms,norm=rms,weight=plain,modulate=scale1";

  ditune::QuantizeArgs before_attention = modulated(sizes, in.attention);
  before_attention.x = in.x.data(), before_attention.y = in.y.data(), before_attention.h = out.h.data();
  ditune::QuantizeArgs after_attention = packed(tokens, hidden);
  after_attention.x = out.qkv.y.data() + 2 * hidden, after_attention.ldx = 3 * hidden;  // V
  ditune::QuantizeArgs before_mlp = modulated(sizes, in.mlp);
  before_mlp.x = out.h.data(), before_mlp.y = out.o.y.data(), before_mlp.h = out.h.data();  // in place
  ditune::QuantizeArgs activated = packed(tokens, mlp);
  activated.x = out.gate_up.y.data();

  return {
      producer("qkv rows", residual_norm, before_attention, out.qkv),
      gemm("qkv", {.m = tokens, .n = 3 * hidden, .k = hidden}, in.qkv, out.qkv),
      producer("o rows", "default", after_attention, out.o),
      gemm("o", {.m = tokens, .n = hidden, .k = hidden}, in.o, out.o),
      producer("gate_up rows", residual_norm, before_mlp, out.gate_up),
      gemm("gate_up", {tokens, 2 * mlp, hidden, ditune::parse_epilogue("op=swiglu")}, in.gate_up, out.gate_up),
      producer("down rows", "default", activated, out.down),
      gemm("down", {.m = tokens, .n = hidden, .k = mlp}, in.down, out.down),
  };
}

// ---- values

inline float value(Bf16 bits) {
  const std::uint32_t wide = std::uint32_t{bits} << 16;
  float v;
  std::memcpy(&v, &wide, 4);
  return v;
}

// To nearest, ties to even, of a finite value.
inline Bf16 to_bf16(float v) {
  std::uint32_t bits;
  std::memcpy(&bits, &v, 4);
  return static_cast<Bf16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Random values of a normal distribution, nearly: the sum of four numbers from 0 to 63, moved to a mean of 0. The same
// with any compiler, and fast enough for hundreds of millions of weights.
class Values {
 public:
  static constexpr float kDeviation = 36.946F;

  int whole() {  // -126 to 126
    const auto bits = static_cast<unsigned>(random_() >> 4);
    return static_cast<int>((bits & 63) + (bits >> 6 & 63) + (bits >> 12 & 63) + (bits >> 18 & 63)) - 126;
  }
  Vector<Bf16> bf16(std::int64_t count, float mean, float deviation) {
    Vector<Bf16> values(static_cast<std::size_t>(count));
    for (Bf16& v : values) v = to_bf16(mean + deviation / kDeviation * static_cast<float>(whole()));
    return values;
  }
  NormParameters<Vector> norm_parameters(std::int64_t hidden) {
    return {bf16(hidden, 0, 0.5F), bf16(hidden, 1, 0.2F), bf16(hidden, 1, 0.2F), bf16(hidden, 0, 0.3F)};
  }
  // For outputs of about the size of the inputs: of some channels less, of some more.
  Weight<Vector> weight(std::int64_t n, std::int64_t k) {
    Weight<Vector> weight{Vector<signed char>(static_cast<std::size_t>(n * k)), {}};
    for (signed char& w : weight.w) w = static_cast<signed char>(whole());
    const float unit = 1 / (kDeviation * std::sqrt(static_cast<float>(k)));
    for (std::int64_t i = 0; i < n; ++i) weight.scales.push_back(unit * (1 + 0.004F * static_cast<float>(whole())));
    return weight;
  }

 private:
  std::minstd_rand random_{1};
};

inline BlockInputs<Vector> random_inputs(const BlockSizes& sizes) {
  const auto [tokens, hidden, mlp] = sizes;
  Values values;
  // Evaluated in this order.
  return {
      .x = values.bf16(tokens * hidden, 0, 1),
      .y = values.bf16(tokens * hidden, 0, 1),
      .attention = values.norm_parameters(hidden),
      .mlp = values.norm_parameters(hidden),
      .qkv = values.weight(3 * hidden, hidden),
      .o = values.weight(hidden, hidden),
      .gate_up = values.weight(2 * mlp, hidden),
      .down = values.weight(hidden, mlp),
  };
}

inline Linear<Vector> empty_linear(std::int64_t tokens, std::int64_t inputs, std::int64_t outputs) {
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  return {Vector<signed char>(size(tokens * inputs)), Vector<float>(size(tokens)),
          Vector<Bf16>(size(tokens * outputs))};
}

inline BlockOutputs<Vector> empty_outputs(const BlockSizes& sizes) {
  const auto [tokens, hidden, mlp] = sizes;
  return {
      .h = Vector<Bf16>(static_cast<std::size_t>(tokens * hidden)),
      .qkv = empty_linear(tokens, hidden, 3 * hidden),
      .o = empty_linear(tokens, hidden, hidden),
      .gate_up = empty_linear(tokens, hidden, mlp),
      .down = empty_linear(tokens, mlp, hidden),
  };
}

}  // namespace example
