// SPDX-License-Identifier: Apache-2.0
// The kind gemm_s8 in verification.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ditune/config.hpp"
#include "reference_args.cuh"
#include "runtime/gemm_s8/plain_gemm.hpp"
#include "tuner/verify/verification.hpp"

namespace ditune {

template <>
struct Verification<Gemm> {
  static Outputs plain(const Gemm& gemm, const FusedGemmArgs& args) { return {plain_gemm(args, gemm.epilogue)}; }

  static constexpr std::string_view kReferenceFile = "reference.cuh", kReferenceKernel = "ditune_reference";
  static ReferenceArgs reference_parameter(const Gemm& gemm, const FusedGemmArgs& args) {
    return {args, gemm.epilogue};
  }
  static long long reference_ctas(const Gemm& gemm) {
    return ceil_div(gemm.m, kReferenceTile) * ceil_div(gemm.n, kReferenceTile);
  }

  // The same K, and along M and N a whole tile of the config and what is ragged of the last one (two whole tiles if
  // nothing is). Problems that are smaller already stay as they are. An op begins where it does in its tile.
  template <class Config>
  static Gemm emulated(const Gemm& gemm, const Config& config) {
    Gemm small{some_tiles(gemm.m, config.tile_m), some_tiles(gemm.n, config.tile_n), gemm.k, gemm.epilogue};
    int& from = small.epilogue.from;
    if (from >= small.n) from = std::max(1, from % config.tile_n);
    return small;
  }

  // Tiles of their own behind shared ones come in tests alone.
  template <class Config>
  static int emulated_sms(const Config&) {
    return 1;
  }
  static int emulated_sms(const WgmmaS8Config& config) {
    return config.decomposition == Decomposition::stream_k ? 3 * cluster_size(config) : 1;
  }

 private:
  static std::int64_t some_tiles(std::int64_t extent, std::int64_t tile) {
    const std::int64_t rest = extent % tile;
    return std::min(extent, tile + (rest == 0 ? tile : rest));
  }
};

}  // namespace ditune
