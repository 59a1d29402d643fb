// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <ranges>
#include <utility>

#include "report/dimensions.hpp"
#include "report/search.hpp"

namespace ditune::report {
namespace {

constexpr std::size_t kMostValues = 32;  // of a dimension that is drawn

struct Dimension {
  std::string_view name;
  std::map<int, std::string> values = {};
  std::map<int, double> best_us = {};  // of each value
  bool is_shape = false;
  // By how much the best of its worst value lags: what choosing badly costs.
  double effect() const {
    if (best_us.empty()) return 1;
    const auto [low, high] = std::ranges::minmax(best_us | std::views::values);
    return high / low;
  }
};

std::vector<Dimension> all_dimensions(const Search& search) {
  std::vector<Dimension> dimensions;
  for (const Variant& candidate : search.candidates)
    for (const DimensionValue& value : dimensions_of(candidate.config)) {
      auto dimension = std::ranges::find(dimensions, value.dimension, &Dimension::name);
      if (dimension == dimensions.end()) dimension = dimensions.insert(dimensions.end(), {.name = value.dimension});
      dimension->is_shape = dimension->is_shape || value.is_shape;
      dimension->values[value.number] = value.text;
      const auto [best, is_new] = dimension->best_us.try_emplace(value.number, candidate.predicted_us);
      if (!is_new) best->second = std::min(best->second, candidate.predicted_us);
    }
  return dimensions;
}

bool is_worth_drawing(const Dimension& dimension) {
  return dimension.values.size() >= 2 && dimension.values.size() <= kMostValues;
}

const DimensionValue* value_of(const std::vector<DimensionValue>& values, std::string_view dimension) {
  const auto value = std::ranges::find(values, dimension, &DimensionValue::dimension);
  return value == values.end() ? nullptr : &*value;
}

std::string mark_of(const Search& search, const Variant& candidate) {
  std::string mark;
  const auto add = [&](char letter, const std::optional<Variant>& chosen) {
    if (chosen && chosen->config == candidate.config) mark += letter;
  };
  add('W', search.winner);
  add('R', search.runner_up);
  add('M', search.model_pick);
  return mark;
}

std::string described(const Variant& candidate) {
  std::string text = format(candidate.config) + ": ";
  if (candidate.measured_us)
    text += fmt::format("measured {}{}, ", duration_text(*candidate.measured_us),
                        candidate.interval ? " (" + duration_text(*candidate.interval) + ")" : "");
  return text + "predicted " + duration_text(candidate.predicted_us);
}

struct Best {
  double measured_us = INFINITY, predicted_us = INFINITY;
};
Best best_of(const Search& search) {
  Best best;
  for (const Variant& candidate : search.candidates) {
    best.measured_us = std::min(best.measured_us, candidate.measured_us.value_or(INFINITY));
    best.predicted_us = std::min(best.predicted_us, candidate.predicted_us);
  }
  return best;
}

int index_in(const std::map<int, std::string>& values, int number) {
  return static_cast<int>(std::distance(values.begin(), values.find(number)));
}

std::vector<std::string> texts(const std::map<int, std::string>& values) {
  std::vector<std::string> result;
  for (const auto& [number, text] : values) result.push_back(text);
  return result;
}

HeatMap heat_map(const Search& search, const Dimension& x, const Dimension& y) {
  HeatMap map{.name = fmt::format("The search space over {} and {}", x.name, y.name),
              .x_name = std::string(x.name),
              .y_name = std::string(y.name),
              .x_values = texts(x.values),
              .y_values = texts(y.values),
              .cells = {},
              .marks = {}};
  struct Place {
    const Variant* best = nullptr;
    std::string mark;
  };
  std::map<std::pair<int, int>, Place> places;
  for (const Variant& candidate : search.candidates) {
    const std::vector<DimensionValue> values = dimensions_of(candidate.config);
    const DimensionValue *its_x = value_of(values, x.name), *its_y = value_of(values, y.name);
    if (!its_x || !its_y) continue;
    Place& place = places[{index_in(x.values, its_x->number), index_in(y.values, its_y->number)}];
    if (!place.best || is_faster(candidate, *place.best)) place.best = &candidate;
    place.mark += mark_of(search, candidate);
  }
  const Best best = best_of(search);
  for (const auto& [at, place] : places) {
    const bool predicted = !place.best->measured_us;
    const double ratio =
        predicted ? place.best->predicted_us / best.predicted_us : *place.best->measured_us / best.measured_us;
    map.cells.push_back({at.first, at.second, ratio, predicted, place.mark, described(*place.best)});
  }
  const auto add_mark = [&](const char* says, const std::optional<Variant>& candidate) {
    if (candidate) map.marks.push_back(fmt::format("{}: {}", says, format(candidate->config)));
  };
  add_mark("W, the winner", search.winner);
  add_mark("R, the runner-up", search.runner_up);
  add_mark("M, what the cost model picks", search.model_pick);
  return map;
}

}  // namespace

std::vector<HeatMap> heat_maps(const Search& search, const std::optional<DimensionPair>& chosen) {
  std::vector<Dimension> all = all_dimensions(search), shape;
  std::vector<HeatMap> maps;
  if (chosen) {
    const auto x = std::ranges::find(all, chosen->x, &Dimension::name);
    const auto y = std::ranges::find(all, chosen->y, &Dimension::name);
    if (x != all.end() && y != all.end()) maps.push_back(heat_map(search, *x, *y));
  }
  std::erase_if(all, [](const Dimension& dimension) { return !is_worth_drawing(dimension); });
  for (const Dimension& dimension : all)
    if (dimension.is_shape && shape.size() < 2) shape.push_back(dimension);  // of a tile: its rows and columns
  const auto add = [&](const Dimension& x, const Dimension& y) {
    if (!chosen || chosen->x != x.name || chosen->y != y.name) maps.push_back(heat_map(search, x, y));
  };
  if (shape.size() == 2) {
    add(shape[1], shape[0]);
    std::erase_if(all, [](const Dimension& dimension) { return dimension.is_shape; });
  }
  std::ranges::stable_sort(all, std::greater(), &Dimension::effect);
  if (all.size() >= 2) add(all[0], all[1]);
  return maps;
}

std::optional<Plot> accuracy_plot(const Search& search) {
  PlotSeries points{.name = {}, .series = 4};
  for (const Variant& candidate : search.candidates)
    if (candidate.measured_us && std::isfinite(candidate.predicted_us))
      points.points.push_back({.x = candidate.predicted_us,
                               .y = *candidate.measured_us,
                               .interval = candidate.interval,
                               .label = mark_of(search, candidate),
                               .shown = described(candidate)});
  if (points.points.empty()) return std::nullopt;
  std::vector<double> values;
  for (const PlotPoint& point : points.points) values.insert(values.end(), {point.x, point.y});
  Range range = range_of(values);
  range = {range.low / 1.1, range.high * 1.1};
  return Plot{.name = "Measured over predicted times",
              .x = {.name = "predicted", .spacing = Spacing::log, .duration = true, .range = range},
              .y = {.name = "measured", .spacing = Spacing::log, .duration = true, .range = range},
              .series = {points},
              .limits = {{{range.low, range.low}, {range.high, range.high}, "as predicted"}}};
}

std::optional<Plot> progress_plot(const Search& search) {
  if (search.measured_us.empty()) return std::nullopt;
  PlotSeries tried{.name = "a trial", .series = 1}, best{.name = "the best so far", .series = 5, .drawn = Drawn::steps};
  double best_us = INFINITY;
  for (std::size_t i = 0; i < search.measured_us.size(); ++i) {
    const auto number = static_cast<double>(i + 1);
    best_us = std::min(best_us, search.measured_us[i]);
    tried.points.push_back({.x = number,
                            .y = search.measured_us[i],
                            .shown = fmt::format("trial {}: {}", i + 1, duration_text(search.measured_us[i]))});
    best.points.push_back({.x = number, .y = best_us});
  }
  return Plot{.name = "The best time so far over trials",
              .x = {.name = "trials that were measured", .whole = true},
              .y = {.name = "time", .spacing = Spacing::log, .duration = true},
              .series = {tried, best}};
}

}  // namespace ditune::report
