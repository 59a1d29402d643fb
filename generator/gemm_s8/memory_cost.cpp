// SPDX-License-Identifier: Apache-2.0
#include "generator/gemm_s8/memory_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "launch_plan.cuh"
#include "layout.cuh"

namespace ditune {
namespace {

constexpr double kL2Reach = 0.6;  // the part of L2 that keeps operands: results pass through it, too

// 1 where `bytes` stay in L2 until they are read again, 0 where they are gone.
double kept(double bytes, const DeviceInfo& device) {
  const double fill = bytes / (kL2Reach * static_cast<double>(device.l2_bytes));
  return std::clamp(2 - fill, 0.0, 1.0);
}

}  // namespace

double overlap(double a, double b, double power) {
  return std::pow(std::pow(a, power) + std::pow(b, power), 1 / power);
}

double dram_bytes(const GemmTarget& target, const TileOrder& order) {
  const auto& [m, n, k, epilogue] = target.op;
  const std::int64_t tiles_m = ceil_div(m, order.tile_m);
  const double tiles_n = static_cast<double>(ceil_div(n, order.tile_n));
  const double band = band_rows(static_cast<unsigned>(tiles_m), static_cast<unsigned>(order.group));
  const double bands = std::ceil(static_cast<double>(tiles_m) / band);
  // CTAs of one row of tiles share X if they run together: whole columns of the band, since what is left over drifts
  // apart.
  const double together = std::clamp(std::floor(order.at_once / band), 1.0, tiles_n);

  const double x = static_cast<double>(m) * static_cast<double>(k),
               weights = static_cast<double>(n) * static_cast<double>(k);
  const double x_reads = 1 + (tiles_n / together - 1) * (1 - kept(x / bands, target.device));
  const double w_reads = 1 + (bands - 1) * (1 - kept(weights, target.device));
  const double outputs = static_cast<double>(m) * static_cast<double>(output_columns(target.op));
  const double y = outputs * (output_bytes(epilogue.out) + residual_bytes(epilogue.residual));
  return x * x_reads + weights * w_reads + y;
}

std::string band_objection(std::span<const int> groups, int standard, int group, std::int64_t rows, double square) {
  if (group == standard) return {};
  const auto band = [rows](int of) { return band_rows(static_cast<unsigned>(rows), static_cast<unsigned>(of)); };
  for (const int other : groups)
    if ((other == standard || other < group) && band(other) == band(group))
      return fmt::format("bands of {} rows of tiles are those of group={}, too", band(group), other);
  if (band(group) > 2 * square || 2 * band(group) < square)
    return fmt::format("a wave of tiles is squarest {:.0f} rows high", square);
  return {};
}

}  // namespace ditune
