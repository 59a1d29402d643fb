// SPDX-License-Identifier: Apache-2.0
#include "report/scale.hpp"

#include <algorithm>
#include <cmath>

#include "catch.hpp"

using namespace ditune::report;

TEST_CASE("a scale maps its ends to its ends") {
  const Scale linear(Spacing::linear, {10, 20}, {100, 300});
  CHECK(linear(10) == Approx(100));
  CHECK(linear(15) == Approx(200));
  CHECK(linear(20) == Approx(300));
  const Scale log(Spacing::log, {1, 100}, {400, 0});
  CHECK(log(1) == Approx(400));
  CHECK(log(10) == Approx(200));
  CHECK(log(100) == Approx(0).margin(1e-9));
}

TEST_CASE("no value leaves the picture") {
  for (const Spacing spacing : {Spacing::linear, Spacing::log}) {
    const Scale scale(spacing, {0.5, 50'000}, {0, 100});
    for (const double value : {-1.0, 0.0, 1e-300, 1e300, (double)INFINITY, -(double)INFINITY, std::nan("")}) {
      CAPTURE(value);
      CHECK(scale(value) >= 0);
      CHECK(scale(value) <= 100);
    }
  }
}

TEST_CASE("a range without an extent has a scale all the same") {
  for (const Spacing spacing : {Spacing::linear, Spacing::log})
    for (const double value : {0.0, 0.5, 7.0, 1e12}) {
      CAPTURE(value);
      const Scale scale(spacing, {value, value}, {0, 100});
      CHECK(std::isfinite(scale(value)));
      CHECK(scale.values().low < scale.values().high);
      CHECK(scale.ticks(8).size() >= 1);
    }
  CHECK(range_of({}) == Range{0, 0});
  CHECK(range_of({3, std::nan(""), 1, INFINITY}) == Range{1, 3});
}

TEST_CASE("ticks are round, within the range, and not too many") {
  struct Case {
    Spacing spacing;
    Range range;
  };
  for (const auto& [spacing, range] :
       {Case{Spacing::linear, {0, 1}}, Case{Spacing::linear, {0, 50'000}}, Case{Spacing::linear, {41.2, 41.9}},
        Case{Spacing::log, {0.5, 50'000}}, Case{Spacing::log, {1, 8192}}, Case{Spacing::log, {41.2, 41.9}},
        Case{Spacing::log, {1e-9, 1e12}}, Case{Spacing::log, {0.9, 1.1}}})
    for (const int most : {2, 5, 12}) {
      CAPTURE(range.low, range.high, most);
      const std::vector<double> ticks = Scale(spacing, range, {0, 1}).ticks(most);
      CHECK(ticks.size() >= 1);
      CHECK(std::ssize(ticks) <= most);
      CHECK(std::ranges::is_sorted(ticks));
      CHECK(ticks.front() >= range.low * (1 - 1e-6));
      CHECK(ticks.back() <= range.high * (1 + 1e-6));
    }
  CHECK(Scale(Spacing::log, {1, 1000}, {0, 1}).ticks(4) == std::vector<double>{1, 10, 100, 1000});
  CHECK(Scale(Spacing::linear, {0, 10}, {0, 1}).ticks(6) == std::vector<double>{0, 2, 4, 6, 8, 10});
}

TEST_CASE("numbers and durations have three digits and a unit that fits") {
  CHECK(number_text(0.5) == "0.5");
  CHECK(number_text(123.456) == "123");
  CHECK(number_text(1'230'000) == "1,230,000");
  CHECK(number_text(-1234) == "-1,234");
  CHECK(number_text(0) == "0");
  CHECK(number_text(std::nan("")) == "unknown");
  CHECK(duration_text(0.5) == "0.5 µs");
  CHECK(duration_text(999.4) == "999 µs");
  CHECK(duration_text(50'000) == "50 ms");
  CHECK(duration_text(1.234e6) == "1.23 s");
  CHECK(duration_text({40.2, 41.5}) == "40.2–41.5 µs");
}
