// SPDX-License-Identifier: Apache-2.0
// How a layer's winner was found: what was tried, pruned and failed, and the pictures of it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ditune/record.hpp"
#include "generator/search_space.hpp"
#include "report/dimensions.hpp"
#include "report/heat_map.hpp"
#include "report/plot.hpp"

namespace ditune::report {

// So many of one kind, and what one of them says.
struct Tally {
  std::string name, example;
  std::size_t count = 0;
};

// A candidate, by its last trial if it was tried.
struct Variant {
  KernelConfig config;
  double predicted_us = 0;  // by the cost model of today
  std::optional<double> measured_us = {};
  std::optional<Range> interval = {};
  bool is_tried = false, has_failed = false;  // failed: when it was tried last
};

// Measured ones before predicted ones.
bool is_faster(const Variant& a, const Variant& b);

struct Search {
  Operation operation;
  std::vector<Variant> candidates;  // legal ones, and whatever was tried; none is there twice
  std::vector<Tally> pruned;        // by constraint
  std::vector<Tally> failed;        // by reason
  std::size_t tried = 0, measured = 0, spilled = 0;
  std::vector<double> measured_us;  // in the order of trying, of those that did not fail
  std::optional<Variant> winner, runner_up, model_pick;
};

// `trials` of this operation on this device in one regime; `winner` may be null.
Search search_of(const Target& target, std::span<const Trial* const> trials, const TuningRecord* winner);

// Maps of the space, in which a cell is the best of the rest: over the dimensions that were chosen, over two of the
// tile's shape, and over the two others that matter most. Fewer where the space has fewer dimensions.
std::vector<HeatMap> heat_maps(const Search& search, const std::optional<DimensionPair>& chosen = {});

// Measured over predicted times, and the best so far over trials; nothing where nothing was measured.
std::optional<Plot> accuracy_plot(const Search& search);
std::optional<Plot> progress_plot(const Search& search);

}  // namespace ditune::report
