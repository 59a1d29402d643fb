// SPDX-License-Identifier: Apache-2.0
#include "report/bars.hpp"

#include "pictures.hpp"

using namespace ditune::report;

namespace {

Bar bar(double us, bool predicted = false) {
  return {.name = "ditune",
          .parts = {{.shown = "one", .us = us, .interval = Range{0.9 * us, 1.1 * us}, .predicted = predicted}}};
}

}  // namespace

TEST_CASE("bars are drawn whatever their number and their times") {
  for (const double width : {340.0, 980.0})
    for (const int count : {0, 1, 10'000}) {
      CAPTURE(width, count);
      BarChart chart{.name = "bars"};
      for (int i = 0; i < count; ++i) chart.groups.push_back({"group", {bar(i % 2 == 0 ? 0.5 : 50'000)}});
      const Markup picture = draw(chart, width);
      check_sound(picture);
      CHECK(count_of(picture.str(), "<rect ") == static_cast<std::size_t>(count));
    }
}

TEST_CASE("a short bar beside a long one can be seen, and both times are told") {
  const Markup picture = draw(BarChart{.name = "bars", .groups = {{"a", {bar(0.5)}}, {"b", {bar(50'000)}}}}, 980);
  CHECK(picture.str().find("width=\"1.5\"") != std::string::npos);
  CHECK(picture.str().find(">0.5 µs<") != std::string::npos);
  CHECK(picture.str().find(">50 ms<") != std::string::npos);
}

TEST_CASE("what is predicted is drawn otherwise than what was measured") {
  CHECK(draw(BarChart{.name = "bars", .groups = {{"a", {bar(1, true)}}}}, 980).str().find("class=\"s0 predicted\"") !=
        std::string::npos);
  CHECK(draw(BarChart{.name = "bars", .groups = {{"a", {bar(1)}}}}, 980).str().find("predicted") == std::string::npos);
}

TEST_CASE("parts are stacked, with an interval at the end of each that has one") {
  Bar two = bar(10);
  two.parts.push_back({.shown = "two", .us = 30, .series = 1});
  CHECK(total_us(two) == 40);
  const std::string svg = draw(BarChart{.name = "bars", .groups = {{"a", {two}}}}, 980).str();
  CHECK(count_of(svg, "class=\"interval\"") == 3);
  CHECK(count_of(svg, "<rect ") == 2);
}
