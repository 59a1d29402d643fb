// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/timing_policy.hpp"

#include "catch.hpp"

using namespace ditune;

TEST_CASE("what is kept of samples is their median and its interval, or the range of too few") {
  Measurement measurement;
  fill_in(measurement, {5, 1, 2, 3, 4, 9, 8, 7, 6, 10}, 700);
  CHECK(measurement.samples_us.size() == 10);
  CHECK(measurement.samples_us.front() == 5);  // in the order of the rounds
  CHECK(measurement.median_us == 5.5);
  CHECK(measurement.low_us == 2);
  CHECK(measurement.high_us == 9);
  CHECK(measurement.power_w == 700);
  fill_in(measurement, {3, 1, 2}, 0);
  CHECK(measurement.median_us == 2);
  CHECK(measurement.low_us == 1);
  CHECK(measurement.high_us == 3);
  CHECK(measurement.power_w == 0);
}

TEST_CASE("nothing to time needs no GPU, whatever the effort") {
  const Nvml nvml("none");
  for (const Effort effort : {Effort::screen, Effort::decide, Effort::sustain}) {
    const Timing timing = time_entries({}, effort, nvml);
    CHECK(timing.samples_us.empty());
    CHECK(timing.power_w.empty());
    CHECK(timing.states.empty());
  }
}
