#include "tuner/conclude.hpp"

#include <cmath>

#include "catch.hpp"

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

constexpr const char* kA = "mma_s8:tile=128x128x64,warps=2x2,stages=3";
constexpr const char* kB = "mma_s8:tile=128x128x64,warps=2x2,stages=4";
constexpr const char* kC = "mma_s8:tile=128x128x64,warps=2x2,stages=3,group=16";

std::string winner(const std::vector<Contender>& contenders) { return format(conclude(contenders).value().winner.config); }

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

TEST_CASE("the fastest few come in order") {
  const auto top = fastest(std::vector<Contender>{contender(kA, 3), failed(kC), contender(kB, 2)}, 5);
  REQUIRE(top.size() == 2);
  CHECK(format(top[0].config) == kB);
  CHECK(fastest(top, 1).size() == 1);
}

TEST_CASE("a measured record is better than any prediction") {
  TuningRecord measured, predicted;
  measured.source = Source::measured;
  measured.median_us = 10;
  predicted.source = Source::predicted;
  predicted.predicted_us = 5;
  CHECK(is_better(measured, predicted));
  CHECK_FALSE(is_better(predicted, measured));
  TuningRecord faster = measured;
  faster.median_us = 9;
  CHECK(is_better(faster, measured));
}
