// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/provenance.hpp"

#include <vector>

#include "catch.hpp"

using namespace ditune;

TEST_CASE("a measurement's state is the median over the rounds in which the card told it") {
  const std::vector<std::optional<GpuState>> rounds = {
      GpuState{.sm_clock_mhz = 1980, .power_w = 300, .temperature_c = 40},
      GpuState{.sm_clock_mhz = 1410, .power_w = 0, .temperature_c = 60}, std::nullopt,
      GpuState{.sm_clock_mhz = 1755, .power_w = 0, .temperature_c = 50}};
  const GpuState state = typical_state(rounds);
  CHECK(state.sm_clock_mhz == 1755);
  CHECK(state.power_w == 300);
  CHECK(state.temperature_c == 50);
  CHECK(typical_state({}).sm_clock_mhz == 0);
}
