// SPDX-License-Identifier: Apache-2.0
// What is to be tuned, and how a list of it is split over machines or GPUs.
#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "ditune/operation.hpp"

namespace ditune {

using OperationSet = std::unordered_set<Operation, HashOperation>;

struct Shard {
  int index = 0, count = 1;  // 0 <= index < count
};

// "0/4", the first of four. Throws UsageError for anything else.
Shard parse_shard(std::string_view text);

// Every count-th of a list, from the index-th on: its shards have everything once, and their sizes differ by one at
// most.
template <class T>
std::vector<T> shard_of(const std::vector<T>& list, Shard shard) {
  std::vector<T> its;
  for (auto i = static_cast<std::size_t>(shard.index); i < list.size(); i += static_cast<std::size_t>(shard.count))
    its.push_back(list[i]);
  return its;
}

// Each operation once, where it is listed first.
std::vector<Operation> without_repetitions(const std::vector<Operation>& operations);

}  // namespace ditune
