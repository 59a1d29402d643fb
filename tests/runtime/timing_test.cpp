// SPDX-License-Identifier: Apache-2.0
#include "runtime/timing.hpp"

#include "catch.hpp"

using namespace ditune;

namespace {
constexpr std::size_t kMiB = 1024 * 1024;
constexpr std::size_t kNoCap = std::size_t{1} << 40;
}  // namespace

TEST_CASE("Operand sets fill three times L2") {
  CHECK(operand_sets(50 * kMiB, 50 * kMiB, kNoCap) == 3);
  CHECK(operand_sets(49 * kMiB, 50 * kMiB, kNoCap) == 4);
  CHECK(operand_sets(21 * kMiB, 50 * kMiB, kNoCap) == 8);
  CHECK(operand_sets(500 * kMiB, 50 * kMiB, kNoCap) == 1);
}

TEST_CASE("Operand sets stay within the memory given, and within reason") {
  CHECK(operand_sets(50 * kMiB, 50 * kMiB, 120 * kMiB) == 2);
  CHECK(operand_sets(50 * kMiB, 50 * kMiB, 10 * kMiB) == 1);
  CHECK(operand_sets(1, 50 * kMiB, kNoCap) == kMaxOperandSets);
  CHECK(operand_sets(0, 0, kNoCap) == 1);
}

TEST_CASE("A replay is filled with whole rotations") {
  CHECK(launches_per_replay(10, 3000, 1) == 300);
  CHECK(launches_per_replay(10, 3000, 7) == 301);
  CHECK(launches_per_replay(3000, 3000, 1) == kMinLaunches);
  CHECK(launches_per_replay(1e6, 3000, 3) == 6);
  CHECK(launches_per_replay(1e6, 3000, kMaxOperandSets) == kMaxOperandSets);
  CHECK(launches_per_replay(0, 3000, 1) == kMaxLaunches);
}

TEST_CASE("a round has as many replays as fit its time, at least one, and no more than enough") {
  CHECK(replays_per_round(750, 3000) == 4);
  CHECK(replays_per_round(1000, 3000) == 3);
  CHECK(replays_per_round(1600, 3000) == 2);
  CHECK(replays_per_round(20000, 3000) == 1);
  CHECK(replays_per_round(1, 3000) == kMostReplays);
  CHECK(replays_per_round(0, 3000) == kMostReplays);
}

TEST_CASE("Quartiles are linear between samples and indifferent to order") {
  const Quartiles five = quartiles({5, 1, 4, 2, 3});
  CHECK(five.low == 2);
  CHECK(five.median == 3);
  CHECK(five.high == 4);
  const Quartiles two = quartiles({3, 1});
  CHECK(two.low == 1.5);
  CHECK(two.median == 2);
  CHECK(two.high == 2.5);
  CHECK(quartiles({7}).low == 7);
  CHECK(quartiles({}).median == 0);
}

TEST_CASE("Nothing to time needs no GPU") {
  const TimingResult result = time_interleaved({}, {});
  CHECK(result.samples_us.empty());
  CHECK(result.states.empty());
}

TEST_CASE("The median lies between samples that leave out as many as chance allows") {
  const auto check = [](int count, double low, double high) {
    std::vector<double> samples;
    for (int i = count; i > 0; --i) samples.push_back(i);
    const std::optional<Interval> found = median_interval(samples);
    REQUIRE(found);
    CHECK(found->low == low);
    CHECK(found->high == high);
  };
  CHECK(!median_interval({}));
  CHECK(!median_interval({1, 2, 3, 4, 5}));  // all of 5 on one side: 1 in 16
  check(6, 1, 6);                            // of 6: 1 in 32
  check(10, 2, 9);                           // 9 or 10 of 10: 22 in 1024; 8 or more: 112 in 1024
  check(20, 6, 15);
  check(2000, 956, 1045);  // 2000 / 2 -+ 1.96 sqrt(2000) / 2, at the latest
}

TEST_CASE("An interval that must hold more often is wider, and needs more samples") {
  const std::vector<double> ten = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  CHECK(median_interval(ten, 0.99)->low == 1);  // 1 of 10: 11 in 1024 on one side
  CHECK(median_interval(ten, 0.89)->low == 3);
  CHECK(!median_interval(ten, 0.999));
}

TEST_CASE("Rounds turn, and go back and forth") {
  std::vector<std::size_t> order;
  const Samples samples = interleave(3, 6, {}, [&](std::size_t entry) {
    order.push_back(entry);
    return static_cast<double>(order.size());
  });
  CHECK(order == std::vector<std::size_t>{0, 1, 2, 2, 1, 0, 1, 2, 0, 0, 2, 1, 2, 0, 1, 1, 0, 2});
  CHECK(samples[0] == std::vector<double>{1, 6, 9, 10, 14, 17});
}

TEST_CASE("Who left has a prefix of the samples, and who stays is asked while there is a next round") {
  std::vector<std::size_t> rounds_seen;
  const Stay stay = [&](const Samples& samples) -> std::vector<std::size_t> {
    rounds_seen.push_back(samples[2].size());
    if (samples[2].size() < 2) return {0, 1, 2};
    if (samples[2].size() < 4) return {0, 2};
    return {};
  };
  const auto once = [](std::size_t entry) { return static_cast<double>(entry); };
  const Samples ended = interleave(3, 9, stay, once);
  CHECK(ended[0].size() == 4);
  CHECK(ended[1] == std::vector<double>{1, 1});
  CHECK(ended[2] == std::vector<double>(4, 2.0));
  CHECK(rounds_seen == std::vector<std::size_t>{1, 2, 3, 4});
  rounds_seen.clear();
  CHECK(interleave(3, 3, stay, once)[2].size() == 3);
  CHECK(rounds_seen == std::vector<std::size_t>{1, 2});
  CHECK(interleave(0, 3, {}, once).empty());
}

TEST_CASE("Nothing to keep busy needs no GPU") { CHECK(time_sustained({}, {}).empty()); }
