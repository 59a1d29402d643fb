// SPDX-License-Identifier: Apache-2.0
#include "tuner/layers.hpp"

#include <algorithm>
#include <string>

#include "core/text.hpp"
#include "ditune/error.hpp"

namespace ditune {

Shard parse_shard(std::string_view text) {
  constexpr std::int64_t kMostShards = 1'000'000;
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto index = text::parse_number(text.substr(0, slash), kMostShards);
  const auto count = slash < text.size() ? text::parse_number(text.substr(slash + 1), kMostShards) : std::nullopt;
  if (!index || !count || *index >= *count)
    throw UsageError("'" + std::string(text) + "' is no shard", "write I/N with I from 0 to N-1, like 0/4");
  return {static_cast<int>(*index), static_cast<int>(*count)};
}

std::vector<Operation> without_repetitions(const std::vector<Operation>& operations) {
  std::vector<Operation> distinct;
  OperationSet known;
  for (const Operation& operation : operations)
    if (known.insert(operation).second) distinct.push_back(operation);
  return distinct;
}

}  // namespace ditune
