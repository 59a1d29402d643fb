// SPDX-License-Identifier: Apache-2.0
// A cell for each pair of values of two dimensions, coloured by how much slower it is than the best.
#pragma once

#include <string>
#include <vector>

#include "report/svg.hpp"

namespace ditune::report {

struct HeatCell {
  int x = 0, y = 0;  // of the values
  double ratio = 1;  // to the best; 1 and more
  bool predicted = false;
  std::string mark = {};  // a letter
  std::string shown = {};
};

struct HeatMap {
  std::string name;
  std::string x_name, y_name;
  std::vector<std::string> x_values, y_values;
  std::vector<HeatCell> cells;     // each place at most once
  std::vector<std::string> marks;  // what the letters say: "W the winner"
};

Markup draw(const HeatMap& map, double width);

}  // namespace ditune::report
