// SPDX-License-Identifier: Apache-2.0
// What a launch of the family wgmma_s8 should take. The constants are fitted to what an H100 80GB took for the recorded
// candidates in bench/data that are within half of their problem's best; tests/generator/wgmma_s8_cost_test.cpp has
// trials of an earlier run. docs/search.md says how far it is off.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "generator/gemm_s8/memory_cost.hpp"
#include "generator/gemm_s8/wgmma_s8.hpp"

namespace ditune {
namespace {

using Config = WgmmaS8Config;

constexpr double kLineBytes = 128, kSectorBytes = 32;  // of L2

// Fitted.
constexpr double kMultiplyAddsPerClock = 3620;  // of an SM: 88% of the 4096 that the whitepaper has
constexpr double kReadBytesPerClock = 84.5;     // that wgmma gets from shared memory, beside copies to it
constexpr double kLatencyUs = 0.79;             // of a stage's copies, before the first byte
constexpr double kFillUs = 0.52;                // of a CTA's first stage
constexpr double kDrift = 0.52;                 // by how much L2 is slower for CTAs with very many tiles,
constexpr double kDriftPower = 0.4;             // and how soon
constexpr double kApart = 0.47;                 // of L2's rate, where CTAs do not read the same K step together
constexpr double kSecondLine = 0.48;            // of the time that L2 takes for a row, again where it lies on two lines
constexpr double kStoreRowClocks = 2.45;        // of L2, for a row of a box of outputs, however narrow
constexpr double kStoreBytesPerClock = 16.8;
constexpr double kSumBytesPerClock = 123;
constexpr double kDependentUs = 0.31;  // that a dependent launch begins earlier, in graphs
constexpr double kClusterUs = 1.35;    // until CTAs of a cluster have met, at either end
constexpr double kTmaDramEfficiency = 0.93;
constexpr double kOnChip = 16;  // within an SM nearly all overlaps, as overlap() has it

// The launch in numbers.
struct Work {
  const Config& config;
  const GemmTarget& target;
  double clock_us;                  // clocks in a microsecond
  std::int64_t tiles, fit, shared;  // of clusters: all, those that run at once, those in parts
  double rounds;                    // tiles of the busiest CTA
  double k_steps;
  double rows, columns;  // of operands that one tile reads
};

Work describe(const Config& c, const GemmTarget& t) {
  const std::int64_t tiles = cluster_tiles(c, t.op);
  const std::int64_t fit = resident_clusters(c, t.device);
  return {.config = c,
          .target = t,
          .clock_us = t.device.sm_clock_mhz,
          .tiles = tiles,
          .fit = fit,
          .shared = shared_tiles(c, static_cast<unsigned>(tiles), static_cast<unsigned>(fit)),
          .rounds = static_cast<double>(ceil_div(tiles, fit)),
          .k_steps = static_cast<double>(k_steps(t.op)),
          .rows = std::min<double>(c.tile_m, static_cast<double>(t.op.m)),
          .columns = std::min<double>(c.tile_n, static_cast<double>(t.op.n))};
}

// Clocks of a K step while tensor cores and shared memory are all that counts. Each wgmma of 64 rows reads all of W's.
double math_clocks(const Config& c) {
  const double multiply = 1.0 * c.tile_m * c.tile_n * kWgmmaStepK / kMultiplyAddsPerClock;
  const double read = (c.tile_m + c.tile_m / 64.0 * c.tile_n) * kWgmmaStepK;
  return overlap(multiply, read / kReadBytesPerClock, kOnChip);
}

// By how much longer L2 takes for a row of a K step, of operands whose rows are K bytes apart, where rows do not begin
// with its lines. Most of them lie on two lines; if they do not begin with a sector either, on five sectors in place of
// four.
double straddling(std::int64_t k) {
  const auto apart = static_cast<double>(std::gcd(k, std::int64_t{kWgmmaStepK}));  // rows begin at multiples of this
  const double lines = 2 - apart / kLineBytes;
  const double sectors = apart < kSectorBytes ? 1 + kSectorBytes / kWgmmaStepK : 1;
  return (1 + kSecondLine * (lines - 1)) * sectors - 1;
}

// Rows of all boxes in which a CTA stores a tile.
double stored_rows(const Work& w) {
  const Epilogue& epilogue = w.target.op.epilogue;
  return w.config.tile_m * w.config.tile_n * output_bytes_a_column(epilogue) / y_box_bytes(w.config, epilogue);
}

// Clocks that one K step of one CTA takes from L2, with its share of the tile's stores. An SM's port passes all that
// arrives, be it read for this SM alone or once for all of a cluster; only the CTA that asks for a row pays for what it
// straddles. CTAs with whole tiles go through K together: L2 serves all that ask for the same at a time, and the port
// is the limit; from tile to tile they drift apart. Those with parts are anywhere in K.
double l2_clocks(const Work& w, bool parts) {
  const double asked = w.rows / w.config.cluster_n + w.columns / w.config.cluster_m;
  const double arriving = w.rows + w.columns + asked * straddling(w.target.op.k);
  const double port = arriving * kWgmmaStepK / kL2PortBytesPerClock + kStoreRowClocks * stored_rows(w) / w.k_steps;
  if (!parts) return port * (1 + kDrift * (1 - std::pow(w.rounds, -kDriftPower)));
  const double read = asked * (1 + straddling(w.target.op.k)) * kWgmmaStepK;
  const double share = kApart * w.target.device.l2_gbps * 1e3 / w.clock_us / w.target.device.sms;
  return std::max(port, read / share);
}

// Clocks of a K step while stages are all that counts: each is filled, and then held until it was multiplied.
double stage_clocks(const Work& w, double math, double l2) {
  return (kLatencyUs * w.clock_us + l2 + math) / w.config.stages;
}

// Microseconds of a tile's epilogue: registers to staging to L2.
double store_us(const Work& w) {
  return w.config.tile_m * w.config.tile_n * output_bytes_a_column(w.target.op.epilogue) / kStoreBytesPerClock /
         w.clock_us;
}

// Of stream-K: the sums of a part are written, after which whoever finishes the tile adds those of all its parts.
double sharing_us(const Work& w) {
  if (w.shared == 0) return 0;
  const double sums = 4.0 * w.config.tile_m * w.config.tile_n;
  const double parts = static_cast<double>(ceil_div(w.fit, w.shared));
  return kReductionUs + (1 + parts) * sums / kSumBytesPerClock / w.clock_us;
}

}  // namespace

Prediction Family<Config>::predict(const Config& config, const GemmTarget& target) {
  const Work w = describe(config, target);
  Prediction p;
  p.waves = static_cast<double>(w.tiles) / static_cast<double>(w.fit);
  const TileOrder order{.tile_m = config.tile_m * config.cluster_m,
                        .tile_n = config.tile_n * config.cluster_n,
                        .group = config.group,
                        .at_once = static_cast<double>(std::min(w.tiles, w.fit))};
  const double dram = dram_bytes(target, order);
  p.dram_us = dram / (kTmaDramEfficiency * target.device.dram_gbps * 1e3);

  double loop_us = 0;
  const auto add_waves = [&](double waves, bool parts) {
    const double us = waves * w.k_steps / w.clock_us;  // of a clock of each K step
    const double math = math_clocks(config), l2 = l2_clocks(w, parts);
    p.math_us += us * math;
    p.l2_us += us * l2;
    loop_us += us * overlap(overlap(math, l2, kOnChip), stage_clocks(w, math, l2), kOnChip);
  };
  add_waves(static_cast<double>(w.shared) / static_cast<double>(w.fit), true);
  add_waves(static_cast<double>(ceil_div(w.tiles - w.shared, w.fit)), false);

  // With ping-pong consumers the other one multiplies meanwhile, except at the end.
  const double stores = config.consumers == Consumers::pingpong ? 1 : w.rounds;
  const double meeting_us = cluster_size(config) > 1 ? kClusterUs : 0;
  const double earlier_us = config.launch == Launch::dependent ? kDependentUs : 0;
  p.fixed_us = kLaunchUs - earlier_us + kFillUs + meeting_us + stores * store_us(w) + sharing_us(w);
  p.total_us = p.fixed_us + overlap(loop_us, p.dram_us, kWithDram);
  return p;
}

}  // namespace ditune
