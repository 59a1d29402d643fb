// SPDX-License-Identifier: Apache-2.0
#include "tuner/layers.hpp"

#include <algorithm>
#include <string>

#include "core/text.hpp"
#include "ditune/error.hpp"
#include "lookup/hash.hpp"

namespace ditune {

std::size_t HashLayer::operator()(const Layer& layer) const noexcept {
  const GemmProblem& p = layer.problem;
  const std::uint64_t extents = static_cast<std::uint64_t>(p.n) << 32 | static_cast<std::uint64_t>(p.k);
  return mix(mix(mix(0, static_cast<std::uint64_t>(p.m)), extents), number_of(layer.epilogue));
}

Shard parse_shard(std::string_view text) {
  constexpr std::int64_t kMostShards = 1'000'000;
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto index = text::parse_number(text.substr(0, slash), kMostShards);
  const auto count = slash < text.size() ? text::parse_number(text.substr(slash + 1), kMostShards) : std::nullopt;
  if (!index || !count || *index >= *count)
    throw UsageError("'" + std::string(text) + "' is no shard", "write I/N with I from 0 to N-1, like 0/4");
  return {static_cast<int>(*index), static_cast<int>(*count)};
}

std::vector<Layer> without_repetitions(const std::vector<Layer>& layers) {
  std::vector<Layer> distinct;
  LayerSet known;
  for (const Layer& layer : layers)
    if (known.insert(layer).second) distinct.push_back(layer);
  return distinct;
}

}  // namespace ditune
