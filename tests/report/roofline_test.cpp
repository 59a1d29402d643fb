// SPDX-License-Identifier: Apache-2.0
#include "report/roofline.hpp"

#include "pictures.hpp"

using namespace ditune::report;

TEST_CASE("the limit at the measured clock has a line of its own, unless it is the boost clock's") {
  Limits limits{.clock_mhz = 1980, .tops = 2000, .gbps = 4800};
  CHECK(roofline({}, limits).limits.size() == 2);
  limits.measured_clock_mhz = 1700;
  limits.measured_tops = 1717;
  const Plot two = roofline({}, limits);
  REQUIRE(two.limits.size() == 3);
  CHECK(two.limits[1].name == "1,717 TOPS at 1700 MHz, measured");
  limits.measured_clock_mhz = 1980;
  limits.measured_tops = 2000;
  const Plot one = roofline({}, limits);
  REQUIRE(one.limits.size() == 2);
  CHECK(one.limits[0].name == "2,000 TOPS at 1980 MHz, boost and measured");
  for (const Plot& plot : {one, two}) check_sound(draw(plot, 340));
}
