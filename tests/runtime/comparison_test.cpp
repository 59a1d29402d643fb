// SPDX-License-Identifier: Apache-2.0
#include "runtime/comparison.hpp"

#include "catch.hpp"

using namespace ditune;

namespace {

const std::vector<Entrant> kTwoPeers{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {0, 2}};

}  // namespace

TEST_CASE("Rounds below the clock do not count, those of an unknown clock do") {
  const TimingResult timing{.samples_us = {{1, 2, 3, 4}, {5, 6, 7, 8}},
                            .states = {GpuState{1980, 600, 50}, GpuState{1899, 600, 50}, std::nullopt, GpuState{}}};
  const CountedRounds counted = count_rounds(timing, 1900);
  CHECK(counted.discarded == 1);
  CHECK(counted.samples_us == std::vector<std::vector<double>>{{1, 3, 4}, {5, 7, 8}});
  REQUIRE(counted.states.size() == 3);
  CHECK(counted.states[0]->sm_clock_mhz == 1980);
  CHECK(count_rounds(timing, 0).discarded == 0);
  CHECK(count_rounds({.samples_us = {{1, 2}}, .states = {}}, 1900).samples_us[0].size() == 2);
  CHECK(count_rounds({}, 1900).states.empty());
}

TEST_CASE("Of each peer the fastest entries are kept, in their order, behind entry 0") {
  const std::vector<double> us{9, 3, 1, 8, 7, 2};
  CHECK(fastest_entries(kTwoPeers, us, 1) == std::vector<std::size_t>{0, 2, 4});
  CHECK(fastest_entries(kTwoPeers, us, 2) == std::vector<std::size_t>{0, 2, 3, 4, 5});
  CHECK(fastest_entries({}, {9}, 2) == std::vector<std::size_t>{0});
}

TEST_CASE("A peer's fastest algorithm is compared round by round") {
  // Entry 0 doubles from round to round, and so does all else: no ratio moves.
  const std::vector<std::vector<double>> samples{{1, 2, 4},   {3, 6, 12},  {2, 4, 8},
                                                 {5, 10, 20}, {6, 12, 24}, {4, 8, 16}};
  const auto found = compare(kTwoPeers, 3, samples);
  REQUIRE(found.size() == 3);
  REQUIRE(found[0]);
  CHECK(found[0]->entry == 2);
  CHECK(found[0]->algorithm == 1);
  CHECK(found[0]->us == 4);
  CHECK(found[0]->ratio == 2);
  CHECK(!found[0]->interval);  // of three rounds
  REQUIRE(found[1]);
  CHECK(found[1]->entry == 3);
  CHECK(found[1]->ratio == 5);
  CHECK(!found[2]);
}

TEST_CASE("Six rounds give a ratio's interval") {
  const auto found = compare({{0, 0}}, 1, {{1, 1, 1, 1, 1, 1}, {2, 7, 3, 4, 5, 6}});
  REQUIRE(found[0]->interval);
  CHECK(found[0]->interval->low == 2);
  CHECK(found[0]->interval->high == 7);
  CHECK(found[0]->ratio == 4.5);
}
