// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/grid.hpp"

#include <algorithm>

#include "catch.hpp"

using namespace ditune;

namespace {

const std::vector<KernelConfig> kConfigs = {
    parse_config("mma_s8:tile=128x128x64,warps=2x2,stages=3"),
    parse_config("mma_s8:tile=128x128x64,warps=2x2,stages=4"),
    parse_config("mma_s8:tile=128x128x64,warps=2x2,stages=4,group=1"),
    parse_config("mma_s8:tile=128x256x64,warps=2x2,stages=3"),
};

}  // namespace

TEST_CASE("every key of the text form is a dimension, the family too") {
  const Grid grid = make_grid(kConfigs);
  CHECK(grid.dimensions == std::vector<std::string>{"family", "tile", "warps", "stages", "group"});
  REQUIRE(grid.points.size() == 4);
  for (const auto& point : grid.points) CHECK(point.size() == 5);
  CHECK(grid.points[0][4] == 0);  // the default is left out of the text
  CHECK(grid.points[2][4] != 0);
}

TEST_CASE("shapes are alike where family, tile and warps are") {
  const Grid grid = make_grid(kConfigs);
  CHECK(grid.shapes[0] == grid.shapes[1]);
  CHECK(grid.shapes[0] == grid.shapes[2]);
  CHECK(grid.shapes[0] != grid.shapes[3]);
}

TEST_CASE("neighbours differ in one dimension") {
  const Grid grid = make_grid(kConfigs);
  CHECK(are_neighbours(grid, 0, 1));
  CHECK(are_neighbours(grid, 1, 2));
  CHECK(are_neighbours(grid, 0, 3));
  CHECK_FALSE(are_neighbours(grid, 0, 0));
  CHECK_FALSE(are_neighbours(grid, 0, 2));
  CHECK_FALSE(are_neighbours(grid, 1, 3));
}
