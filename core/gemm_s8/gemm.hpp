// SPDX-License-Identifier: Apache-2.0
// The kind gemm_s8 in core.
#pragma once

#include "core/kind.hpp"
#include "gemm_operands.cuh"

namespace ditune {

template <>
struct Kind<Gemm> {
  static constexpr std::string_view kName = "gemm_s8";
  static constexpr std::string_view kExample = "m=6144,n=13824,k=4608";
  static std::string format(const Gemm& gemm);
  static Gemm parse(std::string_view text);
  static std::vector<Size> sizes(const Gemm& gemm) { return {{"M", gemm.m}, {"N", gemm.n}, {"K", gemm.k}}; }
  static std::string fused(const Gemm& gemm) { return ditune::format(gemm.epilogue); }
  static std::string format_layer(const Gemm& gemm);
  static Gemm parse_layer(std::string_view text);
  // By N, then K, then the text of the epilogue.
  static std::weak_ordering compare_layers(const Gemm& a, const Gemm& b);
  static std::int64_t rows(const Gemm& gemm) { return gemm.m; }
  static Gemm with_rows(Gemm gemm, std::int64_t rows) {
    gemm.m = rows;
    return gemm;
  }
  static constexpr std::int64_t kMaxRows = kMaxExtent;
  static double work(const Gemm& gemm);
  static constexpr Rate kRate = Rate::operations;
  // The sum of |ln| of the ratios of their sizes.
  static double distance(const Gemm& a, const Gemm& b);
  static std::uint64_t hash(const Gemm& gemm) noexcept;
};

template <>
struct Operands<Gemm> {
  using Args = FusedGemmArgs;
  static GemmOperands table(const Gemm& gemm, const FusedGemmArgs& args, std::int64_t workspace_bytes) {
    return gemm_operands(gemm.epilogue, args, workspace_bytes);
  }
  static FusedGemmArgs packed(const Gemm& gemm);
  static Gemm operation(const Gemm& like, const FusedGemmArgs& args) {
    return {.m = args.m, .n = args.n, .k = args.k, .epilogue = like.epilogue};
  }
  static constexpr std::string_view kDecides = "the epilogue";
};

}  // namespace ditune
