// SPDX-License-Identifier: Apache-2.0
#include "report/heat_map.hpp"

#include "pictures.hpp"

using namespace ditune::report;

namespace {

HeatMap map_of(int columns, int rows) {
  HeatMap map{.name = "map",
              .x_name = "tile_n",
              .y_name = "tile_m",
              .x_values = {},
              .y_values = {},
              .cells = {},
              .marks = {"W: best"}};
  for (int x = 0; x < columns; ++x) map.x_values.push_back(std::to_string(16 * (x + 1)));
  for (int y = 0; y < rows; ++y) map.y_values.push_back(std::to_string(64 << y));
  for (int x = 0; x < columns; ++x)
    for (int y = 0; y < rows; ++y) map.cells.push_back({x, y, 1 + 0.2 * (x + y), false});
  return map;
}

}  // namespace

TEST_CASE("a map is drawn whatever its size") {
  for (const double width : {340.0, 980.0})
    for (const int columns : {1, 16, 60})
      for (const int rows : {1, 12}) {
        CAPTURE(width, columns, rows);
        const Markup picture = draw(map_of(columns, rows), width);
        check_sound(picture);
        CHECK(count_of(picture.str(), " cell\"") == static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows));
      }
  check_sound(draw(
      HeatMap{.name = "none", .x_name = "x", .y_name = "y", .x_values = {}, .y_values = {}, .cells = {}, .marks = {}},
      340));
}

TEST_CASE("cells say how they compare, what is predicted is hatched, what is marked is framed") {
  HeatMap map = map_of(3, 1);
  map.cells[0].mark = "W";
  map.cells[1].predicted = true;
  map.cells[2].ratio = 1e9;
  const std::string svg = draw(map, 980).str();
  CHECK(svg.find(">W 1.00<") != std::string::npos);
  CHECK(count_of(svg, "class=\"over\"") == 2);  // and its key
  CHECK(count_of(svg, "class=\"marked\"") == 1);
  CHECK(svg.find("class=\"h5 cell\"") != std::string::npos);
}
