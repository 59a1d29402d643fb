// SPDX-License-Identifier: Apache-2.0
#include "report/bars.hpp"

#include <string>

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

TEST_CASE("a line goes through all bars of its group, and is in the picture if all bars are shorter") {
  const BarChart chart{.name = "bars", .groups = {{"a", {bar(10), bar(20)}, 100}, {"b", {bar(5)}}}};
  for (const double width : {340.0, 980.0}) {
    const std::string svg = draw(chart, width).str();
    check_sound(draw(chart, width));
    REQUIRE(count_of(svg, "class=\"mark\"") == 1);
    const std::size_t at = svg.rfind("x1=\"", svg.find("class=\"mark\"")) + 4;
    CHECK(std::stod(svg.substr(at)) < width);
    CHECK(svg.find("class=\"mark\"") < svg.find("class=\"bar-end\""));  // texts are in front of it
  }
}
