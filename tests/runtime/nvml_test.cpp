// SPDX-License-Identifier: Apache-2.0
#include "runtime/nvml.hpp"

#include <array>

#include "catch.hpp"

using namespace ditune;

namespace {
constexpr std::array kToday = {FAKE_NVML}, kOld = {FAKE_NVML_OLD}, kNone = {"libnothing.so.1"};
}

TEST_CASE("What the driver tells is told on, in our units") {
  const Nvml nvml("GPU-fake", kToday);
  const GpuState state = nvml.state().value();
  CHECK(state.sm_clock_mhz == 1500);
  CHECK(state.power_w == 699.5);
  CHECK(state.temperature_c == 61);
  CHECK(state.limits == ClockLimits{.power = true});  // clocks that a user has set are no limit of the card's
  CHECK(nvml.energy_j() == 12345.678);
  CHECK(nvml.compute_processes() == std::vector<unsigned>{1234, 77});
  CHECK(nvml.driver_version() == "580.1.2");
}

TEST_CASE("What an older driver lacks is absent, and what it calls otherwise is found") {
  const Nvml nvml("GPU-fake", kOld);
  CHECK(nvml.state()->sm_clock_mhz == 1500);
  CHECK(nvml.state()->limits == ClockLimits{.heat = true, .hardware = true});
  CHECK_FALSE(nvml.energy_j());
  CHECK(nvml.compute_processes().empty());
}

TEST_CASE("Of a device that is not there, or without the library, nothing is told") {
  for (const Nvml& nvml : {Nvml("GPU-other", kToday), Nvml("GPU-fake", kNone)}) {
    CHECK_FALSE(nvml.state());
    CHECK_FALSE(nvml.energy_j());
    CHECK(nvml.compute_processes().empty());
  }
  CHECK(Nvml("GPU-other", kToday).driver_version() == "580.1.2");
  CHECK(Nvml("GPU-fake", kNone).driver_version().empty());
}

TEST_CASE("Limits add up") {
  CHECK((ClockLimits{.power = true} | ClockLimits{.heat = true}) == ClockLimits{.power = true, .heat = true});
  CHECK((ClockLimits{} | ClockLimits{.hardware = true}).hardware);
}
