// SPDX-License-Identifier: Apache-2.0
// The cost model held against times that someone else measured on a card that is not here: CUTLASS 2.x's tiles on an
// RTX A6000, described to the model as configs of mma_s8. bench/model_check prints it, tests/generator holds it.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/ranks.hpp"
#include "generator/cost_model.hpp"

namespace ditune {

inline constexpr int kTableTiles = 9;  // c0 to c8; c12 and c13 are stream-K, which is no variant of mma_s8
using TileTimes = std::array<double, kTableTiles>;

struct TableRow {
  Gemm problem;
  TileTimes us;
};

// Lines of m,n,k and then the tiles' milliseconds, below one that names them; # begins a comment.
inline std::vector<TableRow> read_tile_table(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<TableRow> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#') || line.starts_with('m')) continue;
    std::ranges::replace(line, ',', ' ');
    std::istringstream fields(line);
    TableRow row;
    fields >> row.problem.m >> row.problem.n >> row.problem.k;
    for (double& us : row.us) {
      fields >> us;
      us *= 1000;
    }
    if (!fields) throw std::runtime_error(path + ": not a line of the table: " + line);
    rows.push_back(row);
  }
  if (rows.empty()) throw std::runtime_error(path + " has no times");
  return rows;
}

// The table's tiles as configs. CUTLASS's plain launch order (GemmIdentityThreadblockSwizzle<1>: blockIdx.x counts rows
// of tiles) runs down the rows of tiles first: one group of them all.
inline const std::array<KernelConfig, kTableTiles>& table_configs() {
  static const std::array<KernelConfig, kTableTiles> configs = [] {
    constexpr std::array kTexts{
        "128x256x64,warps=2x4,stages=3", "128x128x64,warps=2x2,stages=4", "64x128x64,warps=2x2,stages=4",
        "64x256x64,warps=2x4,stages=3",  "32x256x64,warps=1x4,stages=4",  "32x128x64,warps=1x2,stages=4",
        "16x128x64,warps=1x2,stages=4",  "64x128x128,warps=2x2,stages=3", "128x64x128,warps=2x2,stages=3"};
    std::array<KernelConfig, kTableTiles> all;
    for (int i = 0; i < kTableTiles; ++i)
      all[i] = parse_config("mma_s8:tile=" + std::string(kTexts[i]) + ",group=65535");
    return all;
  }();
  return configs;
}

// At its power cap that card ran at 1135 to 1660 MHz, not at its boost clock.
inline DeviceInfo capped_a6000(double sm_clock_mhz = 1440) {
  DeviceInfo device = find_device("RTX A6000");
  device.l2_gbps *= sm_clock_mhz / device.sm_clock_mhz;
  device.sm_clock_mhz = sm_clock_mhz;
  return device;
}

inline TileTimes predicted_times(const Gemm& problem, const DeviceInfo& device) {
  TileTimes us{};
  for (int i = 0; i < kTableTiles; ++i)
    us[i] = predict(table_configs()[i], {.operation = problem, .device = device}).total_us;
  return us;
}

// Of one problem.
struct TileVerdict {
  std::ptrdiff_t pick, fastest;  // tiles: by the model, by the clock
  double regret;                 // what the pick takes longer than the fastest
  double correlation;            // of ranks
  double error;                  // root mean square of ln(predicted / measured)
};

inline TileVerdict judge(const TableRow& row, const DeviceInfo& device) {
  const TileTimes us = predicted_times(row.problem, device);
  TileVerdict v{.pick = std::ranges::min_element(us) - us.begin(),
                .fastest = std::ranges::min_element(row.us) - row.us.begin(),
                .regret = 0,
                .correlation = rank_correlation(us, row.us),
                .error = 0};
  v.regret = row.us[v.pick] / row.us[v.fastest] - 1;
  for (int i = 0; i < kTableTiles; ++i) v.error += std::pow(std::log(us[i] / row.us[i]), 2) / kTableTiles;
  v.error = std::sqrt(v.error);
  return v;
}

struct TableVerdict {
  double mean_regret = 0, worst_regret = 0;
  double mean_correlation = 0, worst_correlation = 1;
  double error = 0;
};

inline TableVerdict judge(const std::vector<TableRow>& rows, const DeviceInfo& device) {
  TableVerdict all;
  const auto count = static_cast<double>(rows.size());
  for (const TableRow& row : rows) {
    const TileVerdict v = judge(row, device);
    all.mean_regret += v.regret / count;
    all.worst_regret = std::max(all.worst_regret, v.regret);
    all.mean_correlation += v.correlation / count;
    all.worst_correlation = std::min(all.worst_correlation, v.correlation);
    all.error += v.error * v.error / count;
  }
  all.error = std::sqrt(all.error);
  return all;
}

// How many times as long as the 128x256 tile the 128x128 tile takes. It is more where the launch order outgrows L2.
inline double narrow_to_wide(const TileTimes& us) { return us[1] / us[0]; }

}  // namespace ditune
