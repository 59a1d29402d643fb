// SPDX-License-Identifier: Apache-2.0
// Made-up costs for the tests of the tuner: a model's prediction, distorted as real GPUs distort it.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ditune/config.hpp"

namespace ditune::test {

// In [-1, 1], the same for the same text and seed on every machine (FNV-1a).
inline double noise(const std::string& text, std::uint64_t seed) {
  std::uint64_t hash = 0xCBF29CE484222325ULL ^ (seed * 0x9E3779B97F4A7C15ULL);
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  hash ^= hash >> 29;
  return 2 * static_cast<double>(hash % 1000003) / 1000002 - 1;
}

inline std::vector<KernelConfig> made_up_candidates() {
  std::vector<KernelConfig> configs;
  for (int tile_m : {64, 96, 128, 256})
    for (int tile_n : {64, 128, 192, 256})
      for (int warps : {2, 4})
        for (int stages : {2, 3, 4, 5})
          for (int group : {1, 8, 16})
            for (Staging staging : {Staging::direct, Staging::shared})
              configs.push_back(MmaS8Config{.tile_m = tile_m,
                                            .tile_n = tile_n,
                                            .tile_k = 64,
                                            .warps_m = 2,
                                            .warps_n = warps,
                                            .stages = stages,
                                            .group = group,
                                            .staging = staging});
  return configs;
}

inline double made_up_prediction(const KernelConfig& config) {
  const auto& c = std::get<MmaS8Config>(config);
  const double traffic = 1.0 / c.tile_m + 1.0 / c.tile_n;  // bytes per multiply-add
  return 100 + 8000 * traffic + 10.0 / c.stages + 0.001 * c.tile_m * c.tile_n / c.warps_n;
}

// What the model does not know: each tile, warp layout and stage count is off by a factor of its own, and a little of
// every config is luck.
inline std::string id(auto... parts) { return ((std::to_string(parts) + ' ') + ...); }
inline std::string shape_id(const MmaS8Config& c) { return id(c.tile_m, c.tile_n, c.warps_m, c.warps_n); }
inline std::string shape_id(const WgmmaS8Config& c) { return id(c.tile_m, c.tile_n, c.cluster_m, c.cluster_n); }
inline std::string stages_id(const MmaS8Config& c) { return id(c.stages, c.ctas); }
inline std::string stages_id(const WgmmaS8Config& c) { return id(c.stages); }

inline double distorted(const KernelConfig& config, double predicted_us, std::uint64_t landscape) {
  const double log_factor = std::visit(
      [&](const auto& c) {
        if constexpr (requires { c.tile_m; }) {
          return 0.2 * noise("tile" + id(c.tile_m, c.tile_n), landscape) +
                 0.1 * noise("shape" + shape_id(c), landscape) + 0.05 * noise("stages" + stages_id(c), landscape) +
                 0.05 * noise("group" + id(c.group), landscape);
        } else {
          return 0.2 * noise("threads" + id(c.threads), landscape);
        }
      },
      config);
  return predicted_us * std::exp(0.3 + log_factor + 0.02 * noise(format(config), landscape));
}

}  // namespace ditune::test
