// SPDX-License-Identifier: Apache-2.0
#include "runtime/energy.hpp"

#include <atomic>
#include <vector>

#include "catch.hpp"

using namespace ditune;

namespace {
// 500 W until second 1, then 700 W, in steps of a tenth of a second.
std::vector<EnergyReading> stepping() {
  std::vector<EnergyReading> readings;
  double joules = 1000;
  for (int i = 0; i <= 20; ++i) {
    readings.push_back({0.1 * i, joules});
    joules += 0.1 * (i < 10 ? 500 : 700);
  }
  return readings;
}
}  // namespace

TEST_CASE("Power between steps of the counter is as if it rose evenly") {
  const std::vector<EnergyReading> readings = stepping();
  CHECK(mean_power_w(readings, 0.13, 0.41).value() == Approx(500));
  CHECK(mean_power_w(readings, 1.21, 1.27).value() == Approx(700));  // within one step
  CHECK(mean_power_w(readings, 0.5, 1.5).value() == Approx(600));
}

TEST_CASE("A time that readings cover in part is told by that part, if it is half of it") {
  const std::vector<EnergyReading> readings = stepping();
  CHECK(mean_power_w(readings, 1.7, 2.2).value() == Approx(700));
  CHECK(mean_power_w(readings, -0.2, 0.3).value() == Approx(500));
  CHECK_FALSE(mean_power_w(readings, 1.7, 2.4));
  CHECK_FALSE(mean_power_w(readings, 3, 4));
  CHECK_FALSE(mean_power_w({}, 0, 1));
  CHECK_FALSE(mean_power_w(std::vector<EnergyReading>{{0.5, 7}}, 0, 1));
}

TEST_CASE("The meter keeps what moved, and gives up where nothing is told") {
  std::atomic<int> looks = 0;
  EnergyMeter meter([&]() -> std::optional<double> { return ++looks / 3; });
  while (looks < 10) std::this_thread::yield();
  const std::vector<EnergyReading> readings = meter.stop();
  REQUIRE(readings.size() >= 3);
  for (std::size_t i = 0; i < readings.size(); ++i) CHECK(readings[i].joules == static_cast<double>(i) + 1);
  CHECK(readings[0].at_s < readings[1].at_s);
  EnergyMeter deaf([] { return std::optional<double>(); });
  CHECK(deaf.stop().empty());
}
