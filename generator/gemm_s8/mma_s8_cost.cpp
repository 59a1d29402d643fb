// SPDX-License-Identifier: Apache-2.0
// What a launch of the family mma_s8 should take. The constants are fitted to the table in tests/generator/data (RTX
// A6000, 270 times, 7% off in the root mean square; docs/search.md) and to five rates of a prototype on an H100 (5%);
// what is per SM and clock carries over to other cards. Of 499 trials of later runs on an H100 they are 10% off, 4%
// from M = 2048 on; with few rows it predicts too much (9% in the mean up to M = 16).
#include <algorithm>
#include <cmath>

#include "ditune/config.hpp"
#include "generator/gemm_s8/memory_cost.hpp"
#include "generator/gemm_s8/mma_s8.hpp"

namespace ditune {
namespace {

using Config = MmaS8Config;

constexpr double kSharedBytesPerClock = 0.77 * 128;  // of an SM: 32 banks of 4 bytes, less conflicts and turns
constexpr double kBarrierClocks = 50;                // of one K step; another CTA on the SM hides it
constexpr double kOnChip = 6;                        // within an SM nearly all overlaps, as overlap() has it

// The launch in numbers.
struct Work {
  const Config& config;
  const GemmTarget& target;
  double clock_us;       // clocks in a microsecond
  double tiles;          // CTAs, parts of K included
  double rows, columns;  // of operands that one tile reads
  double k_steps;        // of one CTA
  int resident;          // CTAs on an SM
  double busy_sms;
};

Work describe(const Config& c, const GemmTarget& t) {
  const double tiles = static_cast<double>(output_tiles(c, t.op)) * c.split_k;
  return {.config = c,
          .target = t,
          .clock_us = t.device.sm_clock_mhz,
          .tiles = tiles,
          .rows = std::min<double>(c.tile_m, static_cast<double>(t.op.m)),
          .columns = std::min<double>(c.tile_n, static_cast<double>(t.op.n)),
          .k_steps = std::ceil(static_cast<double>(k_tiles(c, t.op)) / c.split_k),
          .resident = resident_ctas(c, t),
          .busy_sms = std::min<double>(t.device.sms, tiles)};
}

// Clocks of an SM for one K step of one CTA while tensor cores and shared memory are all that counts.
double math_clocks(const Work& w) {
  const Config& c = w.config;
  // A warp has one of the SM's four tensor cores.
  const double cores = std::min(4.0, c.warps_m * c.warps_n * std::min<double>(w.resident, w.tiles / w.busy_sms));
  const double multiply = 1.0 * c.tile_m * c.tile_n * c.tile_k / (w.target.device.mma_s8_per_clock * cores / 4);
  const double fragments = 1.0 * c.warps_m * c.warps_n * (warp_m(c) + warp_n(c)) * c.tile_k;  // ldmatrix
  // cp.async writes of 8 and 4 bytes take as many slots as ones of 16; byte loads are packed by instructions.
  const double copies = stage_bytes(c) * (c.load == 1 ? 16.0 : 16.0 / c.load);
  return overlap(multiply, (fragments + copies) / kSharedBytesPerClock, kOnChip) + kBarrierClocks / w.resident;
}

// Clocks that the operands of one K step of one CTA take from L2.
double l2_clocks(const Work& w) {
  const double bytes = (w.rows + w.columns) * w.config.tile_k;
  const double share = w.target.device.l2_gbps * 1e3 / w.clock_us / w.busy_sms;
  return bytes / std::min(share, kL2PortBytesPerClock);
}

double dram_bytes(const Work& w) {
  const double at_once = std::min(static_cast<double>(w.target.device.sms) * w.resident, w.tiles) / w.config.split_k;
  return dram_bytes(w.target, {w.config.tile_m, w.config.tile_n, w.config.group, at_once});
}

// What an SM does besides its K loops: filling the pipeline, and writing tiles. With several CTAs on it one computes
// meanwhile, except at the end; a persistent CTA fills while it writes.
double overhead_us(const Work& w, double rounds) {
  const double bytes = w.rows * w.columns * output_bytes_a_column(w.target.op.epilogue);
  const double store = 2 * bytes / kL2PortBytesPerClock / w.clock_us;
  const double fill = kDramLatencyUs;
  const double refill = w.config.schedule == Schedule::persistent ? 0 : fill;
  return fill + store + (rounds - 1) * (refill + store) / w.resident;
}

double reduction_us(const Work& w) {
  if (w.config.split_k == 1) return 0;
  // Parts but one are written, read and zeroed.
  const double part = 4.0 * static_cast<double>(w.target.op.m) * static_cast<double>(w.target.op.n);
  return kReductionUs + 3 * part * (w.config.split_k - 1) / (w.target.device.l2_gbps * 1e3);
}

}  // namespace

Prediction Family<Config>::predict(const Config& config, const GemmTarget& target) {
  const Work w = describe(config, target);
  Prediction p;
  const double per_sm = std::ceil(w.tiles / target.device.sms);  // CTAs that the busiest SM runs
  const double rounds = std::ceil(per_sm / w.resident);
  p.waves = w.tiles / (static_cast<double>(target.device.sms) * w.resident);
  p.math_us = per_sm * w.k_steps * math_clocks(w) / w.clock_us;
  p.l2_us = per_sm * w.k_steps * l2_clocks(w) / w.clock_us;
  const double bytes = dram_bytes(w);
  p.dram_us = bytes / (kDramEfficiency * target.device.dram_gbps * 1e3);

  // A pipeline of S stages has S - 1 K steps under way while the first of them travels: latency, then its bytes through
  // the port that the SM's CTAs share.
  const double misses = std::min(1.0, bytes / (w.tiles * w.k_steps * (w.rows + w.columns) * config.tile_k));
  const double latency_us = kL2LatencyUs + misses * (kDramLatencyUs - kL2LatencyUs);
  const double travel_us = latency_us + std::min(per_sm, w.resident * 1.0) * l2_clocks(w) / w.clock_us;
  const double wait_us = rounds * w.k_steps * travel_us / (config.stages - 1);

  p.fixed_us = kLaunchUs + overhead_us(w, rounds) + reduction_us(w);
  const double loop_us = std::max(overlap(p.math_us, p.l2_us, kOnChip), wait_us);
  p.total_us = p.fixed_us + overlap(loop_us, p.dram_us, kWithDram);
  return p;
}

}  // namespace ditune
