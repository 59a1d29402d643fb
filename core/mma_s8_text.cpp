// SPDX-License-Identifier: Apache-2.0
#include "core/mma_s8_text.hpp"

#include <fmt/format.h>

#include <array>

#include "core/text.hpp"
#include "ditune/config.hpp"

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

void set(MmaS8Config& config, const text::KeyValue& pair) {
  if (pair.key == "tile") {
    const auto tile = text::parse_sizes<3>(pair, kMaxTile, "MxNxK");
    config.tile_m = tile[0];
    config.tile_n = tile[1];
    config.tile_k = tile[2];
  } else if (pair.key == "warps") {
    const auto warps = text::parse_sizes<2>(pair, kMaxWarps, "MxN");
    config.warps_m = warps[0];
    config.warps_n = warps[1];
  } else if (pair.key == "stages") {
    config.stages = text::parse_count(pair, kMaxStages);
  } else if (pair.key == "group") {
    config.group = text::parse_count(pair, kMaxCount);
  } else if (pair.key == "split_k") {
    config.split_k = text::parse_count(pair, kMaxCount);
  } else if (pair.key == "staging") {
    config.staging = text::parse_enum<Staging>(pair, kStaging);
  } else if (pair.key == "schedule") {
    config.schedule = text::parse_enum<Schedule>(pair, kSchedule);
  } else if (pair.key == "ctas") {
    config.ctas = text::parse_count(pair, kMaxWarps);
  } else if (pair.key == "load") {
    config.load = text::parse_count(pair, 16);
    if (config.load != 16 && config.load != 8 && config.load != 4 && config.load != 1)
      text::refuse_value(pair, 16, "use 16, 8, 4 or 1");
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
  MmaS8Config config;
  for (const text::KeyValue& pair : text::parse_config_keys(text, kKeys, kRequired, "tile=MxNxK,warps=MxN,stages=S"))
    set(config, pair);
  return config;
}

bool operator==(const MmaS8Config& a, const MmaS8Config& b) {
  return a.tile_m == b.tile_m && a.tile_n == b.tile_n && a.tile_k == b.tile_k && a.warps_m == b.warps_m &&
         a.warps_n == b.warps_n && a.stages == b.stages && a.group == b.group && a.split_k == b.split_k &&
         a.staging == b.staging && a.schedule == b.schedule && a.ctas == b.ctas && a.load == b.load;
}

}  // namespace ditune
