// SPDX-License-Identifier: Apache-2.0
#include "lookup/append_only_map.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace ditune;

namespace {

struct Collide {
  std::size_t operator()(int key) const noexcept { return static_cast<std::size_t>(key) % 2; }
};

}  // namespace

TEST_CASE("an append-only map keeps what came first, where it is") {
  AppendOnlyMap<int, std::string, Collide> map(7);
  CHECK(map.find(1) == nullptr);
  const auto [one, is_new] = map.insert(1, "one");
  CHECK(is_new);
  CHECK(*one == "one");
  for (int key = 2; key < 100; ++key) CHECK(map.insert(key, std::to_string(key)).second);
  CHECK(map.insert(1, "another") == std::pair(one, false));
  CHECK(map.find(1) == one);
  for (int key = 2; key < 100; ++key) CHECK(*map.find(key) == std::to_string(key));
  CHECK(map.find(100) == nullptr);
}

TEST_CASE("of threads that insert the same key one wins, and all get its value") {
  constexpr int kThreads = 8, kKeys = 500;
  AppendOnlyMap<int, int, Collide> map(3);
  std::atomic<int> won = 0, differ = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int key = 0; key < kKeys; ++key) {
        const auto [value, is_new] = map.insert(key, t);
        won += is_new;
        differ += map.find(key) != value;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(won == kKeys);
  CHECK(differ == 0);
}
