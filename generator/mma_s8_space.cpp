// The dimensions of the family mma_s8, and which of their points are worth a try. Candidates are built in three steps,
// shape, then pipeline, then schedule; a point refused at one step stands for all that would follow from it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ditune/config.hpp"
#include "generator/mma_s8.hpp"

namespace ditune {
namespace {

using Config = MmaS8Config;

constexpr std::array kTileM{16, 32, 64, 96, 128, 192, 256};
constexpr std::array kTileN{32, 64, 96, 128, 192, 256};
constexpr std::array kTileK{64, 128, 256};
constexpr std::array kWarps{1, 2, 3, 4, 6, 8};  // along one side
constexpr std::array kStages{2, 3, 4, 5, 6, 8};
constexpr std::array kGroups{1, 4, 8, 16, 32};
constexpr std::array kSplits{1, 2, 3, 4, 6, 8, 16};
constexpr int kMaxWarps = 16;         // in a CTA and on an SM: 64 accumulators each leave them 128 registers
constexpr int kMaxResidency = 4;      // more CTAs than that bound no registers
constexpr int kFullTile = 128 * 128;  // outputs; from here on L2 keeps up

// The smallest tile side that holds `extent`, or the largest there is.
template <std::size_t N>
int covering(const std::array<int, N>& sides, std::int64_t extent) {
  const auto found = std::ranges::find_if(sides, [extent](int side) { return side >= extent; });
  return found == sides.end() ? sides.back() : *found;
}

// ---- shape: tile and warps

std::string beyond_m(const Config& c, const Target& t) {
  const int enough = covering(kTileM, t.problem.m);
  return c.tile_m > enough ? fmt::format("tiles of {} rows hold all {} of M", enough, t.problem.m) : "";
}

std::string beyond_n(const Config& c, const Target& t) {
  const int enough = covering(kTileN, t.problem.n);
  return c.tile_n > enough ? fmt::format("tiles of {} columns hold all {} of N", enough, t.problem.n) : "";
}

std::string beyond_k(const Config& c, const Target& t) {
  if (c.tile_k > 64 && c.tile_k / 2 >= t.problem.k)
    return fmt::format("steps of {} hold all {} of K", c.tile_k / 2, t.problem.k);
  if (c.tile_k == 256 && c.tile_m > 32) return "a K step of 256 only pays where few rows leave room for it";
  return {};
}

std::string small_tile(const Config& c, const Target& t) {
  const int possible = std::min(
      {kFullTile, covering(kTileM, t.problem.m) * kTileN.back(), covering(kTileN, t.problem.n) * kTileM.back()});
  const std::int64_t tiles = output_tiles(c, t.problem);
  if (c.tile_m * c.tile_n >= possible || tiles <= 16 * t.device.sms) return {};
  return fmt::format("{} tiles for {} SMs: larger ones read the operands less often", tiles, t.device.sms);
}

// A tile of sides 1:4 reads 1.25 times what a square one does; 1:6 is worse than the next smaller area.
std::string elongated(const Config& c, const Target& t) {
  const int short_side = std::min(c.tile_m, c.tile_n), long_side = std::max(c.tile_m, c.tile_n);
  const bool can_grow =
      c.tile_m < c.tile_n ? c.tile_m < covering(kTileM, t.problem.m) : c.tile_n < covering(kTileN, t.problem.n);
  return can_grow && long_side > 4 * short_side ? "a squarer tile of the same size reads less" : "";
}

std::string warp_size(const Config& c, const Target&) {
  const int least = std::min(2048, c.tile_m * c.tile_n / 4);
  if (warp_m(c) * warp_n(c) < least)
    return fmt::format("a warp has {}x{} outputs, too few for what it reads", warp_m(c), warp_n(c));
  if (c.warps_m * c.warps_n > kMaxWarps) return fmt::format("more than {} warps", kMaxWarps);
  return {};
}

// A warp reads warp_m + warp_n bytes of shared memory for each k.
std::string warp_layout(const Config& c, const Target& t) {
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

std::string partitions(const Config& c, const Target&) {
  const int warps = c.warps_m * c.warps_n * c.ctas;
  if (warps % 4 != 0) return fmt::format("{} warps do not spread evenly over an SM's 4 tensor cores", warps);
  if (warps > kMaxWarps) return fmt::format("more than {} warps on an SM", kMaxWarps);
  return {};
}

std::string depth(const Config& c, const Target& t) {
  if (c.stages > 2 && c.stages > k_tiles(c, t.problem) + 1)
    return fmt::format("{} stages for {} K steps", c.stages, k_tiles(c, t.problem));
  constexpr int kEnough = 144 * 1024;  // bytes: what an SM receives in the time of several DRAM accesses
  const int in_flight = (c.stages - 1) * stage_bytes(c) * c.ctas;
  if (c.stages > 3 && in_flight > kEnough)
    return fmt::format("{} bytes in flight, more than latency can hide", in_flight);
  const int room = t.device.shared_per_sm / c.ctas - 1024;
  const int possible = std::min({room / stage_bytes(c), kStages.back(), static_cast<int>(k_tiles(c, t.problem)) + 1});
  if (2 * c.stages < possible && in_flight < kEnough / 2) return fmt::format("room for {} stages", possible);
  return {};
}

// ---- schedule: order, parts of K, the epilogue's way out

// A wave of CTAs that is `group` tiles high and as wide as it takes reads least where it is as high as wide, in
// elements.
std::string order(const Config& c, const Target& t) {
  const auto tiles_m = ceil_div(t.problem.m, c.tile_m);
  if (c.group > 1 && c.group / 2 >= tiles_m) return fmt::format("{} rows of tiles are all there are", tiles_m);
  const double wave = std::min<double>(t.device.sms * c.ctas, static_cast<double>(output_tiles(c, t.problem)));
  const double square = std::clamp(std::sqrt(wave * c.tile_n / c.tile_m), 1.0, 2.0 * static_cast<double>(tiles_m));
  if (c.group > 2.1 * square || 2.1 * c.group < std::min<double>(square, static_cast<double>(tiles_m)))
    return fmt::format("a wave is squarest {:.0f} tiles high", square);
  return {};
}

std::string parts(const Config& c, const Target& t) {
  const std::int64_t tiles = output_tiles(c, t.problem);
  if (c.split_k > 1) {
    if (tiles >= 2 * t.device.sms) return fmt::format("{} tiles fill {} SMs without parts of K", tiles, t.device.sms);
    if (tiles * c.split_k > 4 * std::int64_t{t.device.sms} * c.ctas)
      return fmt::format("{} CTAs for {} SMs", tiles * c.split_k, t.device.sms);
    if (k_tiles(c, t.problem) < 4 * c.split_k) return fmt::format("parts of fewer than 4 K steps");
  }
  // What the smallest tiles and the most parts could keep busy.
  const std::int64_t most = ceil_div(t.problem.m, kTileM.front()) * ceil_div(t.problem.n, kTileN.front()) *
                            std::clamp<std::int64_t>(t.problem.k / (4 * kTileK.front()), 1, kSplits.back());
  if (2 * tiles * c.split_k < std::min<std::int64_t>(t.device.sms, most))
    return fmt::format("{} CTAs leave most of {} SMs idle", tiles * c.split_k, t.device.sms);
  return {};
}

std::string staging(const Config& c, const Target& t) {
  const int row_bytes = warp_n(c) * output_bytes(t.epilogue.out);
  if (c.staging == Staging::direct && row_bytes % 64 != 0) return "lanes would store 8 bytes at once";
  if (c.staging == Staging::shared && row_bytes % 64 == 0 && row_bytes < 128)
    return "rows of a warp are too short to gain";
  return {};
}

std::string persistence(const Config& c, const Target& t) {
  if (c.schedule == Schedule::persistent && output_tiles(c, t.problem) <= std::int64_t{t.device.sms} * c.ctas)
    return "every CTA has one tile";
  return {};
}

using Judgement = Constraint<Config>;
constexpr std::array<Judgement, 7> kShape{{{"beyond_m", beyond_m},
                                           {"beyond_n", beyond_n},
                                           {"beyond_k", beyond_k},
                                           {"small_tile", small_tile},
                                           {"elongated", elongated},
                                           {"warp_size", warp_size},
                                           {"warp_layout", warp_layout}}};
constexpr std::array<Judgement, 2> kPipeline{{{"partitions", partitions}, {"depth", depth}}};
constexpr std::array<Judgement, 4> kSchedule{
    {{"order", order}, {"parts", parts}, {"staging", staging}, {"persistence", persistence}}};

// The widest load that K allows; a narrower one only costs.
int widest_load(std::int64_t k) { return k % 16 == 0 ? 16 : k % 8 == 0 ? 8 : k % 4 == 0 ? 4 : 1; }

class Builder {
 public:
  explicit Builder(const Target& target) : target_(target) {}

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
                             .load = widest_load(target_.problem.k)});
            }
    return std::move(candidates_);
  }

 private:
  void add_pipelines(Config config) {
    if (!stands(config, kShape)) return;
    for (const int stages : kStages) {
      config.stages = stages;
      config.ctas = std::min(resident_ctas(config, target_), kMaxResidency);
      add_schedules(config);
    }
  }

  void add_schedules(Config config) {
    if (!stands(config, kPipeline)) return;
    for (const int group : kGroups)
      for (const int split_k : kSplits)
        for (const Staging staging : {Staging::direct, Staging::shared})
          for (const Schedule schedule : {Schedule::each, Schedule::persistent}) {
            config.group = group;
            config.split_k = split_k;
            config.staging = staging;
            config.schedule = schedule;
            if (stands(config, kSchedule)) candidates_.push_back({.config = config, .rejection = {}});
          }
  }

  // A refused config is kept with its reason.
  bool stands(const Config& config, std::span<const Judgement> judgements) {
    std::optional<Rejection> rejection = Family<Config>::refusal(config, target_);
    if (!rejection) rejection = first_rejection(judgements, config, target_);
    if (rejection) candidates_.push_back({.config = config, .rejection = rejection});
    return !rejection;
  }

  const Target& target_;
  std::vector<Candidate> candidates_;
};

}  // namespace

std::vector<Candidate> Family<Config>::candidates(const Target& target) { return Builder(target).build(); }

}  // namespace ditune
