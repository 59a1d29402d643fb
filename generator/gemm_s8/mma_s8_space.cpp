// SPDX-License-Identifier: Apache-2.0
// The dimensions of the family mma_s8, and which of their points are worth a try. Candidates are built in three steps,
// shape, then pipeline, then schedule; a point refused at one step stands for all that would follow from it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ditune/config.hpp"
#include "generator/gemm_s8/memory_cost.hpp"
#include "generator/gemm_s8/mma_s8.hpp"

namespace ditune {
namespace {

using Config = MmaS8Config;

constexpr std::array kTileM{16, 32, 64, 96, 128, 160, 192, 256};
constexpr std::array kTileN{32, 64, 96, 128, 144, 160, 192, 256};
constexpr std::array kTileK{64, 128, 256};
constexpr std::array kWarps{1, 2, 3, 4, 6, 8};  // along one side
constexpr std::array kStages{2, 3, 4, 6, 8, 12};
constexpr std::array kGroups{1, 4, 8, 16, 32};
constexpr std::array kSplits{1, 2, 3, 4, 6, 8, 16};
constexpr int kMaxWarps = 16;         // on an SM: 64 accumulators each leave them 128 registers
constexpr int kMaxResidency = 4;      // more CTAs than that bound no registers
constexpr int kFullTile = 128 * 128;  // outputs; from here on L2 keeps up

// ---- shape: tile and warps

std::string beyond_m(const Config& c, const GemmTarget& t) {
  const int enough = covering(kTileM, t.op.m);
  return c.tile_m > enough ? fmt::format("tiles of {} rows hold all {} of M", enough, t.op.m) : "";
}

std::string beyond_n(const Config& c, const GemmTarget& t) {
  const int enough = covering(kTileN, t.op.n);
  return c.tile_n > enough ? fmt::format("tiles of {} columns hold all {} of N", enough, t.op.n) : "";
}

std::string beyond_k(const Config& c, const GemmTarget& t) {
  if (c.tile_k > 64 && c.tile_k / 2 >= t.op.k) return fmt::format("steps of {} hold all {} of K", c.tile_k / 2, t.op.k);
  if (c.tile_k == 256 && (c.tile_m > 128 || output_tiles(c, t.op) > t.device.sms))
    return "a K step of 256 only pays where a launch is short";
  return {};
}

std::string small_tile(const Config& c, const GemmTarget& t) {
  const int possible =
      std::min({kFullTile, covering(kTileM, t.op.m) * kTileN.back(), covering(kTileN, t.op.n) * kTileM.back()});
  const std::int64_t tiles = output_tiles(c, t.op);
  if (c.tile_m * c.tile_n >= possible || tiles <= 6 * t.device.sms) return {};
  return fmt::format("{} tiles for {} SMs: larger ones read the operands less often", tiles, t.device.sms);
}

// A tile of sides 1:4 reads 1.25 times what a square one does. Where tiles are few, their number may matter more.
std::string elongated(const Config& c, const GemmTarget& t) {
  const int short_side = std::min(c.tile_m, c.tile_n), long_side = std::max(c.tile_m, c.tile_n);
  const bool can_grow = c.tile_m < c.tile_n ? c.tile_m < covering(kTileM, t.op.m) : c.tile_n < covering(kTileN, t.op.n);
  const int allowed = output_tiles(c, t.op) > 4 * t.device.sms ? 3 : 4;
  return can_grow && long_side > allowed * short_side ? "a squarer tile of the same size reads less" : "";
}

// The larger a warp's part, the less shared memory is read for each multiplication: large tiles have 8 warps at most.
std::string warp_size(const Config& c, const GemmTarget&) {
  const int tile = c.tile_m * c.tile_n;
  const int least = std::max(std::min(2048, tile / 4), tile / 8);
  if (warp_m(c) * warp_n(c) < least)
    return fmt::format("a warp has {}x{} outputs, too few for what it reads", warp_m(c), warp_n(c));
  return {};
}

std::string copies(const Config& c, const GemmTarget&) {
  constexpr int kMaxCopies = 28;  // of 16 bytes; more addresses and predicates than that spill
  const int copies = stage_bytes(c) / 16 / threads(c);
  return copies > kMaxCopies ? fmt::format("a thread would copy {} pieces of each stage", copies) : "";
}

// A warp reads warp_m + warp_n bytes of shared memory for each k.
std::string warp_layout(const Config& c, const GemmTarget& t) {
  for (const int warps_m : kWarps) {
    Config other = c;
    other.warps_m = warps_m;
    other.warps_n = c.warps_m * c.warps_n / warps_m;
    if (other.warps_m * other.warps_n != c.warps_m * c.warps_n || Family<Config>::refusal(other, t)) continue;
    if (1.09 * (warp_m(other) + warp_n(other)) < warp_m(c) + warp_n(c))
      return fmt::format("{}x{} warps read less shared memory", other.warps_m, other.warps_n);
  }
  return {};
}

// ---- pipeline: stages and CTAs on an SM

std::string partitions(const Config& c, const GemmTarget&) {
  const int warps = c.warps_m * c.warps_n * c.ctas;
  if (warps % 4 != 0) return fmt::format("{} warps do not spread evenly over an SM's 4 tensor cores", warps);
  if (warps > kMaxWarps) return fmt::format("more than {} warps on an SM", kMaxWarps);
  return {};
}

// Bytes that an SM has under way. Enough of them bridge the latency of DRAM; more only take room.
std::int64_t under_way(const Config& c, const GemmTarget& t) {
  const std::int64_t at_work = std::min<std::int64_t>(c.ctas, ceil_div(output_tiles(c, t.op), t.device.sms));
  return at_work * (c.stages - 1) * stage_bytes(c);
}

std::string depth(const Config& c, const GemmTarget& t) {
  constexpr int kLittle = 48 * 1024, kEnough = 112 * 1024;
  const std::int64_t useful = k_tiles(c, t.op) + 1;
  if (c.stages > std::max<std::int64_t>(useful, kStages.front()))
    return fmt::format("{} stages for {} K steps", c.stages, useful - 1);
  Config shallower = c;
  --shallower.stages;
  if (under_way(shallower, t) > kEnough)
    return fmt::format("{} bytes are under way with a stage less", under_way(shallower, t));
  const auto next = std::ranges::upper_bound(kStages, c.stages);
  if (under_way(c, t) >= kLittle || next == kStages.end() || *next > useful) return {};
  Config deeper = c;
  deeper.stages = *next;
  return Family<Config>::refusal(deeper, t)
             ? ""
             : fmt::format("{} bytes are under way, there is room for more", under_way(c, t));
}

// ---- schedule: order, parts of K, the epilogue's way out

// CTAs that run at once.
std::int64_t slots(const Config& c, const GemmTarget& t) { return std::int64_t{t.device.sms} * c.ctas; }

std::string order(const Config& c, const GemmTarget& t) {
  constexpr int kDefault = Config{}.group;
  if (c.group != kDefault && output_tiles(c, t.op) <= slots(c, t))
    return "all tiles are computed at once, in whatever order";
  const double square = std::sqrt(static_cast<double>(slots(c, t)) * c.tile_n / c.tile_m);
  return band_objection(kGroups, kDefault, c.group, ceil_div(t.op.m, c.tile_m), square);
}

// The part of the SMs that works, over the whole run.
double occupied(const Config& c, const GemmTarget& t, int split_k) {
  const std::int64_t ctas = output_tiles(c, t.op) * split_k;
  return static_cast<double>(ctas) / static_cast<double>(ceil_div(ctas, slots(c, t)) * slots(c, t));
}

std::string parts(const Config& c, const GemmTarget& t) {
  if (c.split_k > 1 && k_tiles(c, t.op) < 4 * c.split_k) return "parts of fewer than 4 K steps";
  for (const int fewer : kSplits) {
    if (fewer < c.split_k && occupied(c, t, c.split_k) < 1.2 * occupied(c, t, fewer))
      return fmt::format("{} parts of K already use {:.0f}% of the SMs", fewer, 100 * occupied(c, t, fewer));
  }
  // What the smallest tiles and the most parts could keep busy.
  const std::int64_t ctas = output_tiles(c, t.op) * c.split_k;
  const std::int64_t most = ceil_div(t.op.m, kTileM.front()) * ceil_div(t.op.n, kTileN.front()) *
                            std::clamp<std::int64_t>(t.op.k / (4 * kTileK.front()), 1, kSplits.back());
  if (2 * ctas < std::min<std::int64_t>(t.device.sms, most))
    return fmt::format("{} CTAs leave most of {} SMs idle", ctas, t.device.sms);
  return {};
}

// Rows of a warp's tile reach memory in pieces of 64 bytes, or of 32 where they are no multiple of that.
std::string staging(const Config& c, const GemmTarget& t) {
  const int row_bytes = static_cast<int>(output_columns(t.op.epilogue, warp_n(c))) * output_bytes(t.op.epilogue.out);
  if (c.staging == Staging::direct && row_bytes > 64 && row_bytes % 64 != 0) return "lanes would store 8 bytes at once";
  if (c.staging == Staging::shared && row_bytes <= 64) return "a warp's rows are too short to gain";
  if (c.staging == Staging::shared && row_bytes % 64 == 0 && c.split_k > 1) return "only one of the parts stores";
  return {};
}

std::string persistence(const Config& c, const GemmTarget& t) {
  if (c.schedule == Schedule::each) return {};
  if (c.ctas > 1) return "another CTA on the SM works during the epilogue anyway";
  return output_tiles(c, t.op) <= slots(c, t) ? "every CTA has one tile" : "";
}

using Judgement = Constraint<Config>;
constexpr std::array<Judgement, 8> kShape{{{"beyond_m", beyond_m},
                                           {"beyond_n", beyond_n},
                                           {"beyond_k", beyond_k},
                                           {"small_tile", small_tile},
                                           {"elongated", elongated},
                                           {"warp_size", warp_size},
                                           {"copies", copies},
                                           {"warp_layout", warp_layout}}};
constexpr std::array<Judgement, 2> kPipeline{{{"partitions", partitions}, {"depth", depth}}};
constexpr std::array<Judgement, 4> kSchedule{
    {{"order", order}, {"parts", parts}, {"staging", staging}, {"persistence", persistence}}};

// The widest load that K allows; a narrower one only costs.
int widest_load(std::int64_t k) { return k % 16 == 0 ? 16 : k % 8 == 0 ? 8 : k % 4 == 0 ? 4 : 1; }

class Builder {
 public:
  Builder(const GemmTarget& target, Wanted wanted) : target_(target), list_(target, wanted) {}

  std::vector<Candidate> build() && {
    for (const int tile_m : kTileM)
      for (const int tile_n : kTileN)
        for (const int tile_k : kTileK)
          for (const int warps_m : kWarps)
            for (const int warps_n : kWarps) {
              if (tile_m % (16 * warps_m) != 0 || tile_n % (16 * warps_n) != 0) continue;
              add_pipelines({.tile_m = tile_m,
                             .tile_n = tile_n,
                             .tile_k = tile_k,
                             .warps_m = warps_m,
                             .warps_n = warps_n,
                             .stages = kStages.front(),
                             .load = widest_load(target_.op.k)});
            }
    return std::move(list_).take();
  }

 private:
  void add_pipelines(Config config) {
    if (!list_.stands(config, kShape)) return;
    for (const int stages : kStages) {
      config.stages = stages;
      config.ctas = std::min(resident_ctas(config, target_), kMaxResidency);
      add_schedules(config);
    }
  }

  void add_schedules(Config config) {
    if (!list_.stands(config, kPipeline)) return;
    for (const int group : kGroups)
      for (const int split_k : kSplits)
        for (const Staging staging : {Staging::direct, Staging::shared})
          for (const Schedule schedule : {Schedule::each, Schedule::persistent}) {
            config.group = group;
            config.split_k = split_k;
            config.staging = staging;
            config.schedule = schedule;
            if (list_.stands(config, kSchedule)) list_.add(config);
          }
  }

  const GemmTarget& target_;
  CandidateList<Config> list_;
};

}  // namespace

std::vector<Candidate> Family<Config>::candidates(const GemmTarget& target, Wanted wanted) {
  return Builder(target, wanted).build();
}

}  // namespace ditune
