// SPDX-License-Identifier: Apache-2.0
// The kind quantize_s8 in core.
#pragma once

#include "core/kind.hpp"
#include "ditune/quantize.hpp"
#include "quantize_operands.cuh"

namespace ditune {

template <>
struct Kind<Quantize> {
  static constexpr std::string_view kName = "quantize_s8";
  static constexpr std::string_view kExample = "m=6144,k=4608,norm=rms,modulate=scale1";
  static std::string format(const Quantize& quantize);
  static Quantize parse(std::string_view text);
  static std::vector<Size> sizes(const Quantize& quantize) { return {{"M", quantize.m}, {"K", quantize.k}}; }
  static std::string fused(const Quantize& quantize) { return ditune::format(quantize.prologue); }
  static std::string format_layer(const Quantize& quantize);
  static Quantize parse_layer(std::string_view text);
  // By K, then the text of the prologue.
  static std::weak_ordering compare_layers(const Quantize& a, const Quantize& b);
  static std::int64_t rows(const Quantize& quantize) { return quantize.m; }
  static Quantize with_rows(Quantize quantize, std::int64_t rows) {
    quantize.m = rows;
    return quantize;
  }
  static constexpr std::int64_t kMaxRows = 2147483647;  // a row index fits an int
  // Values of the output.
  static double work(const Quantize& quantize);
  static constexpr Rate kRate = Rate::bytes;  // memory is its limit
  // The sum of |ln| of the ratios of their sizes.
  static double distance(const Quantize& a, const Quantize& b);
  static std::uint64_t hash(const Quantize& quantize) noexcept;
};

template <>
struct Operands<Quantize> {
  using Args = QuantizeArgs;
  static QuantizeOperands table(const Quantize& quantize, const QuantizeArgs& args, std::int64_t) {
    return quantize_operands(quantize.prologue, args);
  }
  static QuantizeArgs packed(const Quantize& quantize);
  static Quantize operation(const Quantize& like, const QuantizeArgs& args) {
    return {.m = args.m, .k = args.k, .prologue = like.prologue};
  }
  static constexpr std::string_view kDecides = "the prologue";
};

}  // namespace ditune
