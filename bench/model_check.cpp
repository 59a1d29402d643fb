// SPDX-License-Identifier: Apache-2.0
// bench/model_check TABLE: what the cost model makes of a measured table of tiles, see docs/search.md.
#include "bench/model_check.hpp"

#include <cstdio>
#include <exception>

namespace {

using namespace ditune;

void print_rows(const std::vector<TableRow>& rows, const DeviceInfo& device) {
  std::printf("%-18s %-5s %-8s %7s %12s %7s\n", "problem", "pick", "fastest", "regret", "correlation", "error");
  for (const TableRow& row : rows) {
    const TileVerdict v = judge(row, device);
    std::printf("%-18s c%-4td c%-7td %6.1f%% %12.3f %6.1f%%\n", format_shape(row.problem).c_str(), v.pick, v.fastest,
                100 * v.regret, v.correlation, 100 * v.error);
  }
}

void print_summary(const std::vector<TableRow>& rows, const DeviceInfo& device) {
  const TableVerdict v = judge(rows, device);
  std::printf("%4.0f MHz: regret %.1f%% in the mean, %.1f%% at worst; rank correlation %.3f, %.3f; error %.1f%%\n",
              device.sm_clock_mhz, 100 * v.mean_regret, 100 * v.worst_regret, v.mean_correlation, v.worst_correlation,
              100 * v.error);
}

// What it costs to know nothing: the tile that is fastest most often, for all.
void print_one_for_all(const std::vector<TableRow>& rows) {
  double sum = 0, worst = 0;
  for (const TableRow& row : rows) {
    const double regret = row.us[0] / std::ranges::min(row.us) - 1;
    sum += regret;
    worst = std::max(worst, regret);
  }
  std::printf("c0 always: regret %.1f%% in the mean, %.1f%% at worst\n", 100 * sum / static_cast<double>(rows.size()),
              100 * worst);
}

// Of problems that differ in M alone.
void print_ratios(const std::vector<TableRow>& rows, const DeviceInfo& device) {
  std::printf("c1 takes this many times as long as c0, at N=16384, K=4096:\n%8s %9s %10s\n", "M", "measured",
              "predicted");
  for (const TableRow& row : rows)
    if (row.problem.n == 16384 && row.problem.k == 4096)
      std::printf("%8lld %9.2f %10.2f\n", static_cast<long long>(row.problem.m), narrow_to_wide(row.us),
                  narrow_to_wide(predicted_times(row.problem, device)));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: model_check TABLE\n");
    return 2;
  }
  const std::vector<TableRow> rows = read_tile_table(argv[1]);
  print_rows(rows, capped_a6000());
  std::printf("\n");
  print_summary(rows, capped_a6000());
  print_one_for_all(rows);
  std::printf("\nDescribed to the model with another clock:\n");
  for (const double mhz : {1135, 1660, 1800}) print_summary(rows, capped_a6000(mhz));
  std::printf("\n");
  print_ratios(rows, capped_a6000());
} catch (const std::exception& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
