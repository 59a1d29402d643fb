// SPDX-License-Identifier: Apache-2.0
#include "core/wgmma_s8_text.hpp"

#include <fmt/format.h>

#include <array>

#include "core/text.hpp"
#include "ditune/config.hpp"

namespace ditune {
namespace {

using Words = std::string_view;

constexpr std::array kConsumers{Words("cooperative"), Words("pingpong")};
constexpr std::array kDecomposition{Words("data_parallel"), Words("stream_k")};
constexpr std::array kLaunch{Words("serial"), Words("dependent")};
constexpr std::array kRequired{Words("tile"), Words("stages")};
constexpr std::array kKeys{Words("tile"),    Words("stages"), Words("consumers"), Words("decomposition"),
                           Words("cluster"), Words("group"),  Words("staging"),   Words("launch")};

// Far beyond what any device runs, small enough that products of fields do not overflow.
constexpr std::int64_t kMaxTile = 1024, kMaxStages = 64, kMaxStaging = 64, kMaxCluster = 16, kMaxCount = 65535;

void set(WgmmaS8Config& config, const text::KeyValue& pair) {
  if (pair.key == "tile") {
    const auto tile = text::parse_sizes<2>(pair, kMaxTile, "MxN");
    config.tile_m = tile[0];
    config.tile_n = tile[1];
  } else if (pair.key == "stages") {
    config.stages = text::parse_count(pair, kMaxStages);
  } else if (pair.key == "consumers") {
    config.consumers = text::parse_enum<Consumers>(pair, kConsumers);
  } else if (pair.key == "decomposition") {
    config.decomposition = text::parse_enum<Decomposition>(pair, kDecomposition);
  } else if (pair.key == "cluster") {
    const auto cluster = text::parse_sizes<2>(pair, kMaxCluster, "MxN");
    config.cluster_m = cluster[0];
    config.cluster_n = cluster[1];
  } else if (pair.key == "group") {
    config.group = text::parse_count(pair, kMaxCount);
  } else if (pair.key == "staging") {
    config.staging = text::parse_count(pair, kMaxStaging);
  } else if (pair.key == "launch") {
    config.launch = text::parse_enum<Launch>(pair, kLaunch);
  }
}

}  // namespace

std::string_view word(Consumers consumers) { return text::word(consumers, kConsumers); }
std::string_view word(Decomposition decomposition) { return text::word(decomposition, kDecomposition); }
std::string_view word(Launch launch) { return text::word(launch, kLaunch); }

std::string FamilyText<WgmmaS8Config>::format(const WgmmaS8Config& c) {
  constexpr WgmmaS8Config kDefault;
  std::string text = fmt::format("tile={}x{},stages={}", c.tile_m, c.tile_n, c.stages);
  if (c.consumers != kDefault.consumers) text += fmt::format(",consumers={}", word(c.consumers));
  if (c.decomposition != kDefault.decomposition) text += fmt::format(",decomposition={}", word(c.decomposition));
  if (c.cluster_m != kDefault.cluster_m || c.cluster_n != kDefault.cluster_n)
    text += fmt::format(",cluster={}x{}", c.cluster_m, c.cluster_n);
  if (c.group != kDefault.group) text += fmt::format(",group={}", c.group);
  if (c.staging != kDefault.staging) text += fmt::format(",staging={}", c.staging);
  if (c.launch != kDefault.launch) text += fmt::format(",launch={}", word(c.launch));
  return text;
}

WgmmaS8Config FamilyText<WgmmaS8Config>::parse(std::string_view text) {
  WgmmaS8Config config;
  for (const text::KeyValue& pair : text::parse_config_keys(text, kKeys, kRequired, "tile=MxN,stages=S"))
    set(config, pair);
  return config;
}

bool operator==(const WgmmaS8Config& a, const WgmmaS8Config& b) {
  return a.tile_m == b.tile_m && a.tile_n == b.tile_n && a.stages == b.stages && a.consumers == b.consumers &&
         a.decomposition == b.decomposition && a.cluster_m == b.cluster_m && a.cluster_n == b.cluster_n &&
         a.group == b.group && a.staging == b.staging && a.launch == b.launch;
}

}  // namespace ditune
