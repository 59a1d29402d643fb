// SPDX-License-Identifier: Apache-2.0
// The dimensions of the family wgmma_s8, and which of their points are worth a try. Candidates are built in three
// steps, shape, then cluster and pipeline, then schedule; a point refused at one step stands for all that would follow.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ditune/config.hpp"
#include "generator/gemm_s8/memory_cost.hpp"
#include "generator/gemm_s8/wgmma_s8.hpp"

namespace ditune {
namespace {

using Config = WgmmaS8Config;

constexpr std::array kTileM{64, 128, 192, 256};
constexpr std::array kTileN{48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256};
// For a short M; the height between is not there for both kinds of consumers.
constexpr std::array kCoverM{64, 128, 256};
constexpr std::array kGroups{4, 8, 16, 24};
constexpr std::array<std::array<int, 2>, 3> kClusters{{{1, 1}, {2, 1}, {1, 2}}};
constexpr int kFewerStages = 2;       // than the most, that are tried
constexpr int kFullTile = 128 * 192;  // outputs; smaller ones wait for L2

// ---- shape: tile and consumers

std::string beyond_m(const Config& c, const GemmTarget& t) {
  const int enough = covering(kCoverM, t.op.m);
  return c.tile_m > enough ? fmt::format("tiles of {} rows hold all {} of M", enough, t.op.m) : "";
}

std::string beyond_n(const Config& c, const GemmTarget& t) {
  const int enough = covering(kTileN, t.op.n);
  return c.tile_n > enough ? fmt::format("tiles of {} columns hold all {} of N", enough, t.op.n) : "";
}

std::string small_tile(const Config& c, const GemmTarget& t) {
  const int possible =
      std::min({kFullTile, covering(kTileM, t.op.m) * kTileN.back(), covering(kTileN, t.op.n) * kTileM.back()});
  if (c.tile_m * c.tile_n >= possible || output_tiles(c, t.op) <= std::int64_t{3} * t.device.sms) return {};
  return fmt::format("{} tiles for {} SMs: larger ones read the operands less often", output_tiles(c, t.op),
                     t.device.sms);
}

// With two tiles or more a CTA, ping-pong consumers hide the epilogue; with one, one of them is idle.
std::string consumers(const Config& c, const GemmTarget& t) {
  Config other = c;
  const bool pingpong = c.consumers == Consumers::pingpong;
  other.consumers = pingpong ? Consumers::cooperative : Consumers::pingpong;
  const bool several = output_tiles(c, t.op) > t.device.sms;
  if (several == pingpong || Family<Config>::refusal(other, t)) return {};
  return several ? "a CTA has several tiles: ping-pong consumers store one while they multiply the next"
                 : "a CTA has one tile, which two consumers finish earlier";
}

using Judgement = Constraint<Config>;
constexpr std::array<Judgement, 4> kShape{
    {{"beyond_m", beyond_m}, {"beyond_n", beyond_n}, {"small_tile", small_tile}, {"consumers", consumers}}};

// ---- cluster and pipeline

// A cluster along M shares W's rows, one along N shares X's.
std::string sharing(const Config& c, const GemmTarget& t) {
  const bool many_rows = t.op.m > c.tile_m, many_columns = t.op.n > c.tile_n;
  if (c.cluster_m > 1 && !many_rows) return "M has one row of tiles";
  if (c.cluster_n > 1 && !many_columns) return "N has one column of tiles";
  if (c.cluster_m > 1 && many_columns && c.tile_m > c.tile_n) return "a cluster along N shares more";
  if (c.cluster_n > 1 && many_rows && c.tile_n > c.tile_m) return "a cluster along M shares more";
  return {};
}

constexpr std::array<Judgement, 1> kPipeline{{{"sharing", sharing}}};

// ---- schedule: parts of K, order

std::string parts(const Config& c, const GemmTarget& t) {
  if (c.decomposition == Decomposition::data_parallel) return {};
  constexpr double kFull = 0.95;  // sharing a tile costs more than what is beyond
  const double waves =
      static_cast<double>(cluster_tiles(c, t.op)) / static_cast<double>(resident_clusters(c, t.device));
  if (waves / std::ceil(waves) > kFull)
    return fmt::format("whole tiles use {:.0f}% of the SMs", 100 * waves / std::ceil(waves));
  return {};
}

std::string order(const Config& c, const GemmTarget& t) {
  constexpr int kDefault = Config{}.group;
  const std::int64_t slots = resident_clusters(c, t.device);
  if (c.group != kDefault && cluster_tiles(c, t.op) <= slots)
    return "all tiles are computed at once, in whatever order";
  const double square = std::sqrt(static_cast<double>(slots) * c.tile_n * c.cluster_n / (c.tile_m * c.cluster_m));
  return band_objection(kGroups, kDefault, c.group, ceil_div(ceil_div(t.op.m, c.tile_m), c.cluster_m), square);
}

constexpr std::array<Judgement, 2> kSchedule{{{"parts", parts}, {"order", order}}};

class Builder {
 public:
  Builder(const GemmTarget& target, Wanted wanted) : target_(target), list_(target, wanted) {}

  std::vector<Candidate> build() && {
    // What no config of the family can run is said once.
    Config plain{.tile_m = 128, .tile_n = 128, .stages = 2};
    if (!list_.stands(plain, {})) return std::move(list_).take();
    for (const int tile_m : kTileM)
      for (const int tile_n : kTileN)
        for (const Consumers consumers : {Consumers::cooperative, Consumers::pingpong})
          add_clusters({.tile_m = tile_m, .tile_n = tile_n, .stages = 2, .consumers = consumers});
    return std::move(list_).take();
  }

 private:
  void add_clusters(Config config) {
    if (!list_.stands(config, kShape)) return;
    for (const auto& [cluster_m, cluster_n] : kClusters) {
      config.cluster_m = cluster_m;
      config.cluster_n = cluster_n;
      const int most = most_stages(config);
      add_stages(config, std::max(2, most - kFewerStages), most);
      add_staging(config, most);
    }
  }

  // Less of it is worth a try where there is room for more stages then; more of it where a residual waits there.
  void add_staging(Config config, int most) {
    if (stages_residual(target_.op.epilogue)) {
      for (config.staging = 3; config.staging <= kMaxResidualStaging; ++config.staging)
        add_stages(config, most_stages(config), most_stages(config));
    } else {
      config.staging = 1;
      add_stages(config, most + 1, most_stages(config));
    }
  }

  void add_stages(Config config, int fewest, int most) {
    for (config.stages = most; config.stages >= fewest; --config.stages) add_schedules(config);
  }

  void add_schedules(Config config) {
    if (!list_.stands(config, kPipeline)) return;
    for (const Decomposition decomposition : {Decomposition::data_parallel, Decomposition::stream_k})
      for (const int group : kGroups) {
        config.decomposition = decomposition;
        config.group = group;
        config.launch = Launch::serial;
        if (!list_.stands(config, kSchedule)) continue;
        list_.add(config);
        config.launch = Launch::dependent;
        list_.add(config);
      }
  }

  // That fit, and have K steps to hold: those of all tiles of a CTA follow one another.
  int most_stages(Config config) const {
    const std::int64_t steps = k_steps(target_.op) * ceil_div(output_tiles(config, target_.op), target_.device.sms);
    config.stages = 2;
    do {
      ++config.stages;
    } while (config.stages <= steps && !Family<Config>::refusal(config, target_));
    return config.stages - 1;
  }

  const GemmTarget& target_;
  CandidateList<Config> list_;
};

}  // namespace

std::vector<Candidate> Family<Config>::candidates(const GemmTarget& target, Wanted wanted) {
  return Builder(target, wanted).build();
}

}  // namespace ditune
