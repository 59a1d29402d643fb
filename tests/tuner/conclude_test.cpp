// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/conclude.hpp"

#include <array>
#include <cmath>

#include "catch.hpp"
#include "tuner/made_up_card.hpp"

using namespace ditune;

namespace {

Contender contender(const char* config, double median_us, int registers = 128) {
  Contender result{parse_config(config), {}, 0};
  result.measurement.median_us = median_us;
  result.measurement.resources.registers = registers;
  return result;
}

Contender failed(const char* config) {
  Contender result = contender(config, 0);
  result.measurement.failure = "wrong";
  return result;
}

// That ran in as many rounds as there are factors, by which the card was slower in them.
Contender raced(const char* config, double us, const std::vector<double>& factors, int registers) {
  Contender result = contender(config, 0, registers);
  for (const double factor : factors) result.measurement.samples_us.push_back(us * factor);
  result.measurement.median_us = quartiles(result.measurement.samples_us).median;
  return result;
}

constexpr const char* kA = "mma_s8:tile=128x128x64,warps=2x2,stages=3";
constexpr const char* kB = "mma_s8:tile=128x128x64,warps=2x2,stages=4";
constexpr const char* kC = "mma_s8:tile=128x128x64,warps=2x2,stages=3,group=16";
constexpr const char* kD = "mma_s8:tile=128x128x64,warps=2x2,stages=4,group=16";

std::string winner(const std::vector<Contender>& contenders) {
  return format(conclude(contenders).value().winner.config);
}

}  // namespace

TEST_CASE("the fastest wins") { CHECK(winner({contender(kA, 101), contender(kB, 100), contender(kC, 102)}) == kB); }

TEST_CASE("what failed neither leads nor wins") {
  CHECK(winner({failed(kA), contender(kB, 100)}) == kB);
  CHECK_FALSE(conclude(std::vector<Contender>{failed(kA), failed(kB)}));
  CHECK_FALSE(conclude({}));
  const std::vector<Scored> told = scores(std::vector<Contender>{failed(kA), contender(kB, 100)});
  CHECK(std::isinf(told[0].microseconds));
  CHECK(told[1].microseconds == 100);
}

TEST_CASE("a tie goes to fewer registers, then to the shorter text, then to the alphabet") {
  CHECK(winner({contender(kA, 100.0, 200), contender(kB, 100.2, 128)}) == kB);
  CHECK(winner({contender(kC, 100.0), contender(kA, 100.2)}) == kA);
  CHECK(winner({contender(kB, 100.0), contender(kA, 100.2)}) == kA);
  CHECK(winner({contender(kB, 100.0, 200), contender(kA, 100.4, 128)}) == kB);  // no tie
}

TEST_CASE("rounds tell apart what medians do not: the card was slower for both in the same rounds") {
  const std::vector<double> drift = {1, 1.05, 0.97, 1.1, 0.9, 1.02, 0.95, 1.08};
  CHECK(winner({raced(kA, 101, drift, 64), raced(kB, 100, drift, 200)}) == kB);
  const Decision tie = conclude(std::vector{raced(kA, 100.2, drift, 64), raced(kB, 100, drift, 200)}).value();
  CHECK(format(tie.winner.config) == kA);
  CHECK(tie.tied == std::vector{parse_config(kB)});
}

TEST_CASE("who cannot be told from the fastest ties, but wins only as an incumbent or if it is as fast") {
  const std::vector<double> scatter = {0.98, 1, 1.02, 1.03, 0.99, 1.01, 1.02, 1.03};
  const std::vector<Contender> both = {raced(kA, 100, scatter, 64), raced(kB, 100, std::vector<double>(8, 1.0), 200)};
  CHECK(median_interval(both[0].measurement.samples_us)->low < 100);
  CHECK(both[0].measurement.median_us > 101);
  const Decision first = conclude(both).value();
  CHECK(format(first.winner.config) == kB);
  CHECK(first.tied == std::vector{parse_config(kA)});
  const Decision kept = conclude(both, parse_config(kA)).value();
  CHECK(format(kept.winner.config) == kA);
  CHECK(kept.tied == std::vector{parse_config(kB)});
}

TEST_CASE("an incumbent that is measurably slower goes") {
  const std::vector<double> drift = {1, 1.05, 0.97, 1.1, 0.9, 1.02};
  const std::vector<Contender> both = {raced(kA, 100.5, drift, 64), raced(kB, 100, drift, 200)};
  CHECK(format(conclude(both, parse_config(kA)).value().winner.config) == kB);
  CHECK(conclude(both, parse_config(kA)).value().tied.empty());
  CHECK(format(conclude(both, parse_config(kC)).value().winner.config) == kB);  // it did not run
}

TEST_CASE("who left the race does not lead by the median of its cooler rounds") {
  const std::vector<double> warming = {1, 1, 1, 1, 1, 1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1};
  const std::vector<double> cool(6, 1.0);
  CHECK(winner({raced(kA, 102, cool, 64), raced(kB, 100, warming, 200)}) == kB);
}

TEST_CASE("one that ran in too few rounds ties by its median") {
  const std::vector<double> few(5, 1.0);
  CHECK(winner({raced(kA, 100.2, few, 64), raced(kB, 100, few, 200)}) == kA);
  CHECK(winner({raced(kA, 100.4, few, 64), raced(kB, 100, few, 200)}) == kB);
}

TEST_CASE("whatever the noise, who wins a race is within 1% of the best, though slower ones have fewer registers",
          "[many]") {
  constexpr std::array kLooks = {12, 16, 24, 32, 48, 64};
  const std::vector<double> true_us = {100, 100.2, 100.6, 101.5};
  const std::vector<const char*> configs = {kA, kB, kC, kD};
  for (const Scatter scatter : {Scatter::normal, Scatter::heavy, Scatter::drift})
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      const Samples samples = Card(true_us, scatter, 0.01, seed).race(kLooks.back(), [&](const Samples& samples_us) {
        return stay_in_decision(samples_us, kLooks);
      });
      std::vector<Contender> finalists;
      for (std::size_t i = 0; i < configs.size(); ++i) {
        finalists.push_back(raced(configs[i], 1, samples[i], 200 - static_cast<int>(i)));
      }
      const std::string best = winner(finalists);
      CAPTURE(static_cast<int>(scatter), seed, best);
      CHECK(best != kD);
    }
}

TEST_CASE("the fastest few come in order") {
  const auto top = fastest(std::vector<Contender>{contender(kA, 3), failed(kC), contender(kB, 2)}, 5);
  REQUIRE(top.size() == 2);
  CHECK(format(top[0].config) == kB);
  CHECK(fastest(top, 1).size() == 1);
}
