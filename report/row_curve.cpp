// SPDX-License-Identifier: Apache-2.0
#include "report/row_curve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/kind.hpp"
#include "generator/cost_model.hpp"
#include "lookup/serving.hpp"

namespace ditune::report {
namespace {

constexpr std::int64_t kStep = 64, kMostSteps = 96;  // of M at which lookup is asked

// All multiples of a tile's rows and the M after each; closer together where M is small.
std::set<std::int64_t> asked_rows(std::int64_t last) {
  std::set<std::int64_t> asked = {1, 2, 4, 8, 16, 17, 32, 33, 48, 64, 65, last};
  const std::int64_t step = std::max(kStep, (last / kMostSteps + kStep - 1) / kStep * kStep);
  for (std::int64_t m = kStep; m <= last; m += m < 16 * kStep ? kStep : step) asked.insert({m, m + 1});
  while (*asked.rbegin() > last) asked.erase(std::prev(asked.end()));
  return asked;
}

// Infinite where nothing is known.
double expected_us(const LookupResult& found, const Target& target) {
  const double us = predict(found.config, target).total_us;
  if (!found.record || found.record->source != Source::measured) return us;
  const double own_us = predict(found.record->config, {found.record->key.operation, target.device}).total_us;
  return us * found.record->median_us / own_us;
}

void add_expected(RowCurve& curve, const Library& library, const DeviceInfo& device, Regime regime) {
  const std::int64_t last = std::min(2 * curve.tuned.back().m, max_rows(curve.layer));
  std::set<std::int64_t> asked = asked_rows(std::max(last, std::int64_t{256}));
  for (const RowPoint& point : curve.tuned) asked.insert(point.m);
  for (const std::int64_t m : asked) {
    const Target target{with_rows(curve.layer, m), device};
    const LookupResult found = library.lookup(target.operation, device, regime);
    if (found.match == Match::none) continue;
    if (const double us = expected_us(found, target); std::isfinite(us) && us > 0)
      curve.expected.push_back({.m = m, .us = us, .interval = {}, .config = format(found.config)});
  }
}

void add_benched(RowCurve& curve, const Rows& rows) {
  std::map<std::int64_t, RowPoint> points;
  for (const Benchmark& benchmark : rows.benchmarks)
    for (const BenchRow& row : benchmark.rows)
      if (row.device == rows.device.name && row.regime == rows.regime &&
          with_rows(row.operation, 1) == with_rows(curve.layer, 1))
        points[ditune::rows(row.operation)] = {
            .m = ditune::rows(row.operation), .us = row.us, .interval = {}, .config = {}};
  for (const auto& [m, point] : points) curve.benched.push_back(point);
}

std::string shown(const RowPoint& point) {
  return fmt::format("M={}: {}{}", point.m, duration_text(point.us), point.config.empty() ? "" : ", " + point.config);
}

PlotSeries series_of(const std::string& name, int series, Drawn drawn, const std::vector<RowPoint>& points) {
  PlotSeries drawn_points{.name = name, .series = series, .drawn = drawn};
  for (const RowPoint& point : points)
    drawn_points.points.push_back(
        {.x = static_cast<double>(point.m), .y = point.us, .interval = point.interval, .shown = shown(point)});
  return drawn_points;
}

}  // namespace

std::vector<Cliff> cliffs_of(std::span<const RowPoint> points) {
  std::vector<Cliff> cliffs;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const RowPoint* best = &points[i];
    for (std::size_t j = i + 1; j < points.size() && points[j].m <= points[i].m + kPadding; ++j)
      if (points[j].us < best->us) best = &points[j];
    if (points[i].us > kCliff * best->us) cliffs.push_back({points[i].m, best->m, points[i].us / best->us});
  }
  return cliffs;
}

std::vector<RowCurve> row_curves(const Rows& rows, const Library& library, std::size_t most) {
  const DeviceInfo device = device_of(rows.device);
  std::map<std::string, std::map<std::int64_t, const TuningRecord*>> layers;  // by their text without rows
  std::set<std::string> wanted;
  const auto name = [](const Operation& operation) { return format(with_rows(operation, 1)); };
  for (const Layer& layer : rows.layers) wanted.insert(name(layer.operation));
  for (const TuningRecord& record : rows.records) {
    if (record.key.device != rows.device || !is_of_todays_template(record)) continue;
    const std::string its = name(record.key.operation);
    if (!wanted.contains(its)) continue;
    const TuningRecord*& known = layers[its][ditune::rows(record.key.operation)];
    if (!known || is_better(record, *known, rows.regime)) known = &record;
  }
  std::vector<RowCurve> curves;
  for (const auto& [text, winners] : layers) {
    RowCurve& curve = curves.emplace_back();
    curve.layer = winners.begin()->second->key.operation;
    curve.measured = true;
    for (const auto& [m, record] : winners) {
      const bool measured = record->source == Source::measured;
      curve.measured = curve.measured && measured;
      const bool has_interval = measured && record->low_us > 0;
      curve.tuned.push_back(
          {.m = m,
           .us = record->microseconds(),
           .interval = has_interval ? std::optional(Range{record->low_us, record->high_us}) : std::nullopt,
           .config = format(record->config)});
    }
    add_benched(curve, rows);
  }
  // Of as many M, the one that takes longest matters most.
  std::ranges::stable_sort(curves, std::greater(), [](const RowCurve& c) {
    return std::pair(c.tuned.size() + c.benched.size(), c.tuned.back().us);
  });
  if (curves.size() > most) curves.resize(most);
  for (RowCurve& curve : curves) {
    add_expected(curve, library, device, rows.regime);
    constexpr std::size_t kSweep = 16;  // M of a benchmark that are one
    curve.cliffs_measured = curve.benched.size() >= kSweep;
    curve.cliffs = cliffs_of(curve.cliffs_measured ? curve.benched : curve.expected);
  }
  return curves;
}

Plot row_plot(const RowCurve& curve) {
  Plot plot{.name = "Time over M of " + describe_fused(curve.layer),
            .x = {.name = "M, rows", .spacing = Spacing::log},
            .y = {.name = "time of a launch", .spacing = Spacing::log, .duration = true},
            .band_name = fmt::format("cliff: {:.0f}% over the best of M to M+{}{}", (kCliff - 1) * 100, kPadding,
                                     curve.cliffs_measured ? "" : ", as expected")};
  plot.series.push_back(series_of("served, as expected", 1, Drawn::line, curve.expected));
  plot.series.back().predicted = true;
  if (!curve.benched.empty())
    plot.series.push_back(series_of("served, as benchmarks have it", 2, Drawn::points, curve.benched));
  plot.series.push_back(
      series_of(curve.measured ? "tuned, measured" : "tuned, predicted", 5, Drawn::points, curve.tuned));
  plot.series.back().predicted = !curve.measured;
  for (const Cliff& cliff : curve.cliffs)
    plot.bands.push_back(
        {{static_cast<double>(cliff.m), static_cast<double>(cliff.m_faster)},
         fmt::format("M={} takes {:.2f} times as long as M={}", cliff.m, cliff.ratio, cliff.m_faster)});
  return plot;
}

}  // namespace ditune::report
