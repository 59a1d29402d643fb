// SPDX-License-Identifier: Apache-2.0
#include "tuner/layers.hpp"

#include <algorithm>

#include "catch.hpp"
#include "db/fixtures.hpp"
#include "error_of.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

std::vector<Operation> layers(int count) {
  std::vector<Operation> all;
  for (int m = 1; m <= count; ++m) all.push_back(Gemm{m, 64, 64});
  return all;
}

}  // namespace

TEST_CASE("shards have every layer once, however many there are") {
  const std::vector<Operation> listed = layers(11);
  for (int count = 1; count < 14; ++count) {
    std::vector<Operation> joined;
    std::size_t least = listed.size(), most = 0;
    for (int index = 0; index < count; ++index) {
      const std::vector<Operation> its = shard_of(listed, {index, count});
      least = std::min(least, its.size());
      most = std::max(most, its.size());
      joined.insert(joined.end(), its.begin(), its.end());
    }
    std::ranges::sort(joined, {}, [](const Operation& layer) { return rows(layer); });
    CHECK(joined == layers(11));
    CHECK(most - least <= 1);
  }
}

// A million of them: comparing each with each would not end.
TEST_CASE("of a long list each layer is kept once, in the order of the list") {
  constexpr int kCount = 500'000;
  std::vector<Operation> listed = layers(kCount), again = layers(kCount);
  std::ranges::reverse(again);
  listed.insert(listed.end(), again.begin(), again.end());
  const bool is_kept_once = without_repetitions(listed) == layers(kCount);
  CHECK(is_kept_once);
  CHECK(
      without_repetitions({Gemm{1, 2, 3}, Gemm{1, 2, 3, {.out = Output::s32}}, Gemm{2, 1, 3}, Gemm{1, 2, 3}}).size() ==
      3);
}

TEST_CASE("a shard is an index and a count") {
  CHECK(parse_shard("0/1").count == 1);
  CHECK(parse_shard("3/4").index == 3);
  for (const char* text :
       {"", "1", "/", "1/", "/2", "2/2", "-1/2", "0/0", "1/2/3", "a/b", "0x1/2", " 0/1", "1/9999999"})
    CHECK(contains(error_of([&] { parse_shard(text); }), "no shard"));
}
