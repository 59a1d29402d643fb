// SPDX-License-Identifier: Apache-2.0
#include "generator/gemm_s8/fallback.hpp"

#include <algorithm>
#include <array>

#include "generator/families.hpp"

namespace ditune {
namespace {

// Of the family that every arch runs, in little shared memory. Fewer threads make the image larger, since each holds
// more of the unrolled epilogue; more leave byte loads too few registers.
constexpr std::array<KernelConfig, 2> kConfigs{
    MmaS8Config{.tile_m = 64, .tile_n = 128, .tile_k = 64, .warps_m = 2, .warps_n = 4, .stages = 4},
    MmaS8Config{.tile_m = 64, .tile_n = 64, .tile_k = 64, .warps_m = 4, .warps_n = 2, .stages = 3, .load = 1}};

}  // namespace

std::span<const KernelConfig> Fallbacks<Gemm>::configs() { return kConfigs; }

const KernelConfig& Fallbacks<Gemm>::config(std::int64_t row_multiple) {
  return *std::ranges::find_if(kConfigs, [&](const KernelConfig& c) { return row_multiple % k_multiple(c) == 0; });
}

}  // namespace ditune
