// SPDX-License-Identifier: Apache-2.0
// The kernels of the kind gemm_s8 that are built into the library.
#pragma once

#include <cstdint>
#include <span>

#include "fallback_args.cuh"
#include "generator/fallback.hpp"

namespace ditune {

// Between them the configs serve, on every supported arch, without a workspace, every problem whose output has 2^42
// elements or fewer (8 TiB of bf16). No kernel serves much larger ones: a grid does not count their tiles.
template <>
struct Fallbacks<Gemm> {
  // The one that loads most bytes at once first, the one that takes any operands last.
  static std::span<const KernelConfig> configs();
  // The first that takes operands whose K, ldx and ldw are multiples of `row_multiple`, 1 or more: 1 is true of all.
  static const KernelConfig& config(std::int64_t row_multiple);
  static const KernelConfig& config(const Gemm& gemm) { return config(gemm.k); }
  static FallbackArgs parameter(const Gemm& gemm, const FusedGemmArgs& args) { return {args, gemm.epilogue}; }
  static constexpr std::string_view kKernel = "fallback", kParameter = "FallbackArgs", kServes = "any epilogue";
};

}  // namespace ditune
