// SPDX-License-Identifier: Apache-2.0
// What stands on the page, a section each.
#pragma once

#include <vector>

#include "report/html.hpp"
#include "report/layer_times.hpp"
#include "report/roofline.hpp"
#include "report/rows.hpp"

namespace ditune::report {

// What all sections are told.
struct Findings {
  const Rows& rows;
  const Library& library;
  std::vector<LayerTime> times;
  Total total;
  Limits limits;
  bool is_predicted() const { return total.predicted_us >= total.us; }  // all of it
};

// Pictures show the first ones, by the time that they take in a step; tables have all.
inline constexpr std::size_t kMostBars = 40, kMostPoints = 200, kMostSearches = 6, kMostCurves = 4;

// By the time that they take in a step, the longest first.
std::vector<const LayerTime*> by_step_time(const Findings& findings);

// "qkv 6144x13824x4608 bias=bf16"
std::string describe(const Layer& layer);

void add_summary(Markup& page, const Findings& findings);
void add_steps(Markup& page, const Findings& findings);  // nothing without a benchmark of a step
void add_layers(Markup& page, const Findings& findings);
void add_roofline(Markup& page, const Findings& findings);
void add_searches(Markup& page, const Findings& findings);
void add_row_curves(Markup& page, const Findings& findings);
void add_changes(Markup& page, const Findings& findings);        // nothing without another database
void add_other_devices(Markup& page, const Findings& findings);  // nothing without another device
void add_provenance(Markup& page, const Findings& findings);

}  // namespace ditune::report
