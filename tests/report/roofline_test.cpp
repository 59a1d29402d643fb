// SPDX-License-Identifier: Apache-2.0
#include "report/roofline.hpp"

#include "pictures.hpp"
#include "sample.hpp"

using namespace ditune;
using namespace ditune::report;
using namespace ditune::report::test;

TEST_CASE("the clock is that of the report's regime, or else of the other") {
  Rows rows = sample_rows();
  rows.regime = Regime::sustained;
  CHECK(measured_clock_mhz(rows) == 1695);
  for (const double mhz : {1400, 1410}) {
    rows.records.push_back(rows.records.front());
    rows.records.back().key.regime = Regime::sustained;
    rows.records.back().provenance.sm_clock_mhz = mhz;
  }
  CHECK(measured_clock_mhz(rows) == 1410);
}

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
