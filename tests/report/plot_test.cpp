// SPDX-License-Identifier: Apache-2.0
#include "report/plot.hpp"

#include <cmath>

#include "pictures.hpp"

using namespace ditune::report;

namespace {

Plot plot_of(std::vector<PlotPoint> points, Spacing spacing, Drawn drawn) {
  return {.name = "plot",
          .x = {.name = "x", .spacing = spacing},
          .y = {.name = "y", .spacing = spacing, .duration = true},
          .series = {{.name = "series", .drawn = drawn, .points = std::move(points)}}};
}

}  // namespace

TEST_CASE("points are drawn whatever their number and their values") {
  for (const double width : {340.0, 980.0})
    for (const Spacing spacing : {Spacing::linear, Spacing::log})
      for (const Drawn drawn : {Drawn::points, Drawn::line, Drawn::steps})
        for (const int count : {0, 1, 10'000}) {
          CAPTURE(width, count);
          std::vector<PlotPoint> points;
          for (int i = 0; i < count; ++i)
            points.push_back(
                {.x = 1.0 + i, .y = i % 2 == 0 ? 0.5 : 50'000, .interval = {}, .label = i < 5 ? "one" : ""});
          const Markup picture = draw(plot_of(points, spacing, drawn), width);
          check_sound(picture);
          if (drawn == Drawn::points) CHECK(count_of(picture.str(), "<circle ") == points.size());
        }
  for (const Spacing spacing : {Spacing::linear, Spacing::log})
    check_sound(draw(
        plot_of({{.x = 0, .y = 0}, {.x = std::nan(""), .y = INFINITY}, {.x = -5, .y = -1}}, spacing, Drawn::points),
        980));
}

TEST_CASE("a label that would cover another one is left out") {
  std::vector<PlotPoint> points;
  for (int i = 0; i < 20; ++i) points.push_back({.x = 1, .y = 1, .interval = {}, .label = "the same place"});
  const std::string svg = draw(plot_of(points, Spacing::linear, Drawn::points), 980).str();
  const std::size_t labels = count_of(svg, "class=\"point-name\"");
  CHECK(labels >= 1);
  CHECK(labels <= 4);
}

TEST_CASE("limits and bands are drawn and named") {
  Plot plot = plot_of({{.x = 1, .y = 1}, {.x = 100, .y = 10}}, Spacing::log, Drawn::line);
  plot.limits = {{{1, 5}, {100, 5}, "a <limit>"}};
  plot.bands = {{{10, 20}, "slow"}};
  plot.band_name = "cliffs";
  const Markup picture = draw(plot, 340);
  check_sound(picture);
  CHECK(picture.str().find("a &lt;limit&gt;") != std::string::npos);
  CHECK(count_of(picture.str(), "class=\"band\"") == 2);  // and its key
}
