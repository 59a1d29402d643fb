// SPDX-License-Identifier: Apache-2.0
// Bars with intervals: each of parts that are stacked, in groups with a name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/scale.hpp"
#include "report/svg.hpp"

namespace ditune::report {

struct BarPart {
  std::string shown;  // when it is pointed at
  double us = 0;
  std::optional<Range> interval = {};  // of `us`
  int series = 0;
  bool predicted = false;
};

struct Bar {
  std::string name;  // to the left
  std::vector<BarPart> parts;
  std::string remark = {};  // to the right, behind its time
};

struct BarGroup {
  std::string name = {};
  std::vector<Bar> bars = {};
  std::optional<double> line_us = {};  // through all of its bars: what they are compared with
};

struct BarChart {
  std::string name;
  std::vector<Key> keys = {};
  std::vector<BarGroup> groups = {};
};

double total_us(const Bar& bar);

Markup draw(const BarChart& chart, double width);

}  // namespace ditune::report
