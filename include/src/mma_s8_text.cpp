#include "mma_s8_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ditune/config.hpp"
#include "ditune/error.hpp"
#include "text.hpp"

namespace ditune {
namespace {

using Words = std::string_view;

constexpr std::array kStaging{Words("direct"), Words("shared")};
constexpr std::array kSchedule{Words("each"), Words("persistent")};
constexpr std::array kRequired{Words("tile"), Words("warps"), Words("stages")};
constexpr std::array kKeys{Words("tile"),    Words("warps"),    Words("stages"), Words("group"), Words("split_k"),
                           Words("staging"), Words("schedule"), Words("ctas"),   Words("load")};

// Far beyond what any device runs, small enough that products of fields do not overflow.
constexpr std::int64_t kMaxTile = 1024, kMaxWarps = 32, kMaxStages = 64, kMaxCount = 65535;

[[noreturn]] void refuse(const text::KeyValue& pair, std::string_view remedy) {
  throw UsageError(fmt::format("invalid value '{}' of {}", pair.value, pair.key), std::string(remedy));
}

template <std::size_t N>
std::array<std::int64_t, N> parse_extents(const text::KeyValue& pair, std::int64_t max, std::string_view form) {
  std::array<std::int64_t, N> extents{};
  if (!text::parse_extents(pair.value, max, extents) || std::ranges::find(extents, 0) != extents.end())
    refuse(pair, fmt::format("write {}, each 1 to {}", form, max));
  return extents;
}

int parse_count(const text::KeyValue& pair, std::int64_t max) {
  return static_cast<int>(parse_extents<1>(pair, max, "a number")[0]);
}

void set(MmaS8Config& config, const text::KeyValue& pair) {
  if (pair.key == "tile") {
    const auto tile = parse_extents<3>(pair, kMaxTile, "MxNxK");
    config.tile_m = static_cast<int>(tile[0]);
    config.tile_n = static_cast<int>(tile[1]);
    config.tile_k = static_cast<int>(tile[2]);
  } else if (pair.key == "warps") {
    const auto warps = parse_extents<2>(pair, kMaxWarps, "MxN");
    config.warps_m = static_cast<int>(warps[0]);
    config.warps_n = static_cast<int>(warps[1]);
  } else if (pair.key == "stages") {
    config.stages = parse_count(pair, kMaxStages);
  } else if (pair.key == "group") {
    config.group = parse_count(pair, kMaxCount);
  } else if (pair.key == "split_k") {
    config.split_k = parse_count(pair, kMaxCount);
  } else if (pair.key == "staging") {
    config.staging = text::parse_enum<Staging>(pair, kStaging);
  } else if (pair.key == "schedule") {
    config.schedule = text::parse_enum<Schedule>(pair, kSchedule);
  } else if (pair.key == "ctas") {
    config.ctas = parse_count(pair, kMaxWarps);
  } else if (pair.key == "load") {
    config.load = parse_count(pair, 16);
    if (config.load != 16 && config.load != 8 && config.load != 4 && config.load != 1)
      refuse(pair, "use 16, 8, 4 or 1");
  }
}

}  // namespace

std::string_view word(Staging staging) { return text::word(staging, kStaging); }
std::string_view word(Schedule schedule) { return text::word(schedule, kSchedule); }

std::string FamilyText<MmaS8Config>::format(const MmaS8Config& c) {
  constexpr MmaS8Config kDefault;
  std::string text =
      fmt::format("tile={}x{}x{},warps={}x{},stages={}", c.tile_m, c.tile_n, c.tile_k, c.warps_m, c.warps_n, c.stages);
  if (c.group != kDefault.group) text += fmt::format(",group={}", c.group);
  if (c.split_k != kDefault.split_k) text += fmt::format(",split_k={}", c.split_k);
  if (c.staging != kDefault.staging) text += fmt::format(",staging={}", word(c.staging));
  if (c.schedule != kDefault.schedule) text += fmt::format(",schedule={}", word(c.schedule));
  if (c.ctas != kDefault.ctas) text += fmt::format(",ctas={}", c.ctas);
  if (c.load != kDefault.load) text += fmt::format(",load={}", c.load);
  return text;
}

MmaS8Config FamilyText<MmaS8Config>::parse(std::string_view text) {
  const std::vector<text::KeyValue> pairs = text::parse_key_values(text, "config", kKeys);
  for (const std::string_view key : kRequired) {
    if (std::ranges::find(pairs, key, &text::KeyValue::key) == pairs.end())
      throw UsageError(fmt::format("the config lacks {}", key), "write tile=MxNxK,warps=MxN,stages=S at least");
  }
  MmaS8Config config;
  for (const text::KeyValue& pair : pairs) set(config, pair);
  return config;
}

bool operator==(const MmaS8Config& a, const MmaS8Config& b) {
  return a.tile_m == b.tile_m && a.tile_n == b.tile_n && a.tile_k == b.tile_k && a.warps_m == b.warps_m &&
         a.warps_n == b.warps_n && a.stages == b.stages && a.group == b.group && a.split_k == b.split_k &&
         a.staging == b.staging && a.schedule == b.schedule && a.ctas == b.ctas && a.load == b.load;
}

}  // namespace ditune
