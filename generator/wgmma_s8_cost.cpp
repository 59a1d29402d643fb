// What a launch of the family wgmma_s8 should take. The constants are fitted to 48 rates of an H100 (4% off in the root
// mean square); tests/generator/wgmma_s8_cost_test.cpp has them.
#include <algorithm>
#include <cmath>

#include "generator/memory_cost.hpp"
#include "generator/wgmma_s8.hpp"

namespace ditune {
namespace {

using Config = WgmmaS8Config;

constexpr double kMultiplyAddsPerClock = 4096;  // of an SM: H100 whitepaper, 1979 TOPS at 1830 MHz
constexpr double kSharedBytesPerClock = 128;
constexpr double kStepClocks = 75;  // of a K step: barriers, and wgmma starting again
constexpr double kStoreBytesPerClock = 25;
constexpr double kOnChip = 8;  // within an SM nearly all overlaps, as overlap() has it

// The launch in numbers.
struct Work {
  const Config& config;
  const Target& target;
  double clock_us;          // clocks in a microsecond
  std::int64_t tiles, fit;  // of clusters: all, and those that run at once
  double rounds;            // tiles of the busiest CTA
  double k_steps;
  double rows, columns;  // of operands that one tile reads
};

Work describe(const Config& c, const Target& t) {
  const std::int64_t tiles = cluster_tiles(c, t.problem);
  const std::int64_t fit = resident_clusters(c, t.device);
  return {.config = c,
          .target = t,
          .clock_us = t.device.sm_clock_mhz,
          .tiles = tiles,
          .fit = fit,
          .rounds = static_cast<double>(ceil_div(tiles, fit)),
          .k_steps = static_cast<double>(k_steps(t.problem)),
          .rows = std::min<double>(c.tile_m, static_cast<double>(t.problem.m)),
          .columns = std::min<double>(c.tile_n, static_cast<double>(t.problem.n))};
}

// Clocks of a K step while tensor cores and shared memory are all that counts. Each wgmma of 64 rows reads all of W's.
double math_clocks(const Config& c) {
  const double multiply = 1.0 * c.tile_m * c.tile_n * kWgmmaStepK / kMultiplyAddsPerClock;
  const double copied = stage_bytes(c);
  const double read = (c.tile_m + c.tile_m / 64.0 * c.tile_n) * kWgmmaStepK;
  return overlap(multiply, (copied + read) / kSharedBytesPerClock, kOnChip) + kStepClocks;
}

// Clocks that the operands of one K step of one CTA take from L2 while `clusters` run. What a cluster shares is read
// once for all of it.
double l2_clocks(const Work& w, std::int64_t clusters) {
  const Config& c = w.config;
  const double bytes = (w.rows / c.cluster_n + w.columns / c.cluster_m) * kWgmmaStepK;
  const double share = w.target.device.l2_gbps * 1e3 / w.clock_us / static_cast<double>(clusters * cluster_size(c));
  return bytes / std::min(share, kL2PortBytesPerClock);
}

// A pipeline of S stages has S - 1 K steps under way while the first of them travels.
double wait_clocks(const Work& w, double l2, double dram) {
  const double bytes =
      static_cast<double>(w.tiles * cluster_size(w.config)) * w.k_steps * (w.rows + w.columns) * kWgmmaStepK;
  const double latency_us = kL2LatencyUs + std::min(1.0, dram / bytes) * (kDramLatencyUs - kL2LatencyUs);
  return (latency_us * w.clock_us + l2) / (w.config.stages - 1);
}

// Microseconds of a tile's epilogue: registers to staging to L2.
double store_us(const Work& w) {
  return 1.0 * w.config.tile_m * w.config.tile_n * output_bytes(w.target.epilogue.out) / kStoreBytesPerClock /
         w.clock_us;
}

// Of stream-K: the sums of a part are written, read and zeroed, after a signal.
double sharing_us(const Work& w) {
  if (w.config.decomposition == Decomposition::data_parallel) return 0;
  const double sums = 4.0 * w.config.tile_m * w.config.tile_n;
  return kReductionUs + 3 * sums / kL2PortBytesPerClock / w.clock_us;
}

}  // namespace

Prediction Family<Config>::predict(const Config& config, const Target& target) {
  const Work w = describe(config, target);
  Prediction p;
  p.waves = static_cast<double>(w.tiles) / static_cast<double>(w.fit);
  const TileOrder order{.tile_m = config.tile_m * config.cluster_m,
                        .tile_n = config.tile_n * config.cluster_n,
                        .group = config.group,
                        .at_once = static_cast<double>(std::min(w.tiles, w.fit))};
  const double dram = dram_bytes(target, order);
  p.dram_us = dram / (kDramEfficiency * target.device.dram_gbps * 1e3);

  double loop_us = 0;
  const auto add_waves = [&](double waves, std::int64_t clusters) {
    const double us = waves * w.k_steps / w.clock_us;  // of a clock of each K step
    const double math = math_clocks(config), l2 = l2_clocks(w, clusters);
    p.math_us += us * math;
    p.l2_us += us * l2;
    loop_us += us * overlap(overlap(math, l2, kOnChip), wait_clocks(w, l2, dram), kOnChip);
  };
  if (config.decomposition == Decomposition::stream_k) {
    add_waves(p.waves, w.fit);
  } else {
    add_waves(std::floor(p.waves), w.fit);
    if (w.tiles % w.fit != 0) add_waves(1, w.tiles % w.fit);  // those share L2 among fewer
  }

  // With ping-pong consumers the other one multiplies meanwhile, except at the end.
  const double stores = config.consumers == Consumers::pingpong ? 1 : w.rounds;
  p.fixed_us = kLaunchUs + kDramLatencyUs + stores * store_us(w) + sharing_us(w);
  p.total_us = p.fixed_us + overlap(loop_us, p.dram_us, kWithDram);
  return p;
}

}  // namespace ditune
