// SPDX-License-Identifier: Apache-2.0
// Points and lines over two axes: what the roofline, the line over M and the search's pictures are drawn by.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/scale.hpp"
#include "report/svg.hpp"

namespace ditune::report {

struct PlotPoint {
  double x = 0, y = 0;
  std::optional<Range> interval = {};  // of y
  std::string label = {};              // beside the point, where there is room; the first points come first
  std::string shown = {};              // when it is pointed at
};

enum class Drawn { points, line, steps };

struct PlotSeries {
  std::string name;  // in the keys; empty: none
  int series = 0;    // its colour
  bool predicted = false;
  Drawn drawn = Drawn::points;
  std::vector<PlotPoint> points = {};
};

// A straight line that is a limit, or the diagonal, with its name on it.
struct PlotLimit {
  Point from, to;  // values
  std::string name;
};

// Values of x that are shaded.
struct PlotBand {
  Range x;
  std::string shown;
};

struct PlotAxis {
  std::string name;
  Spacing spacing = Spacing::linear;
  bool duration = false;  // microseconds, named in their unit
  bool whole = false;     // only whole numbers are named
  std::optional<Range> range = {};
};

struct Plot {
  std::string name;
  PlotAxis x, y;
  std::vector<PlotSeries> series = {};
  std::vector<PlotLimit> limits = {};
  std::vector<PlotBand> bands = {};
  std::string band_name = {};  // in the keys
};

Markup draw(const Plot& plot, double width);

}  // namespace ditune::report
