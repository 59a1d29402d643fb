// SPDX-License-Identifier: Apache-2.0
#include "report/roofline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/operands.hpp"

namespace ditune::report {
namespace {

// int8 multiply-adds an SM could issue in a clock. wgmma reaches more than the mma.sync of the device's table: an H100
// SXM does 1979 TOPS = 2 * 4096 * 132 SMs * 1830 MHz (H100 whitepaper).
double multiply_adds_per_clock(const DeviceInfo& device) {
  return device.arch == SmArch{90} ? 4096 : device.mma_s8_per_clock;
}

double tops_at(const DeviceInfo& device, double clock_mhz) {
  return 2 * multiply_adds_per_clock(device) * device.sms * clock_mhz * 1e-6;
}

// 10^12 operations a second that DRAM lets through.
double memory_tops(const Limits& limits, double intensity) { return intensity * limits.gbps * 1e-3; }

}  // namespace

Limits limits_of(const DeviceInfo& device, double measured_clock_mhz) {
  return {.clock_mhz = device.sm_clock_mhz,
          .tops = tops_at(device, device.sm_clock_mhz),
          .measured_clock_mhz = measured_clock_mhz,
          .measured_tops = tops_at(device, measured_clock_mhz),
          .gbps = device.dram_gbps};
}

double measured_clock_mhz(const Rows& rows) {
  std::vector<double> clocks, others;  // of the regime, of the other one
  for (const TuningRecord& record : rows.records)
    if (record.key.device == rows.device && record.source == Source::measured && record.provenance.sm_clock_mhz > 0)
      (record.key.regime == rows.regime ? clocks : others).push_back(record.provenance.sm_clock_mhz);
  if (clocks.empty()) clocks = std::move(others);
  if (clocks.empty()) return 0;
  const auto middle = clocks.begin() + static_cast<std::ptrdiff_t>(clocks.size() / 2);
  std::ranges::nth_element(clocks, middle);
  return *middle;
}

RooflinePoint roofline_point(const LayerTime& time, const Limits& limits) {
  const Operation& operation = time.layer->operation;
  const auto bytes = static_cast<double>(operand_bytes(operation, packed_strides(operation)));
  RooflinePoint point{.name = time.layer->name.empty() ? describe_sizes(operation) : time.layer->name,
                      .kind = std::string(kind_name(operation)),
                      .intensity = work(operation) / bytes,
                      .tops = tops(operation, time.us),
                      .measured = time.measured};
  const double compute = limits.measured_tops > 0 ? limits.measured_tops : limits.tops;
  const double most = std::min(compute, memory_tops(limits, point.intensity));
  if (most > 0) point.share = point.tops / most;
  return point;
}

namespace {

void add_limits(Plot& plot, const Limits& limits) {
  const double right = plot.x.range->high, low = plot.y.range->low;
  const auto level = [&](double tops, const std::string& name) {
    const double knee = limits.gbps > 0 ? tops / limits.gbps * 1e3 : plot.x.range->low;
    if (tops > 0) plot.limits.push_back({{knee, tops}, {right, tops}, name});
  };
  const auto text = [](double tops, double mhz) {
    return fmt::format("{} TOPS at {:.0f} MHz", number_text(tops), mhz);
  };
  const std::string boost = text(limits.tops, limits.clock_mhz);
  const std::string measured = text(limits.measured_tops, limits.measured_clock_mhz);
  if (boost == measured) {
    level(limits.tops, boost + ", boost and measured");
  } else {
    level(limits.tops, boost + ", boost");
    level(limits.measured_tops, measured + ", measured");
  }
  if (!(limits.gbps > 0)) return;
  const double left = std::max(plot.x.range->low, low / limits.gbps * 1e3), knee = limits.tops / limits.gbps * 1e3;
  plot.limits.push_back(
      {{left, memory_tops(limits, left)}, {knee, limits.tops}, fmt::format("DRAM, {} GB/s", number_text(limits.gbps))});
}

PlotPoint plot_point(const RooflinePoint& point) {
  return {.x = point.intensity,
          .y = point.tops,
          .label = point.name,
          .shown = fmt::format("{}: {} TOPS, {:.0f}% of the limit{}", point.name, number_text(point.tops),
                               100 * point.share, point.measured ? "" : ", predicted")};
}

// A series for each kind, of what was measured and of what was not. Of several points of one name the first is
// labelled.
void add_points(Plot& plot, std::span<const RooflinePoint> points) {
  std::set<std::pair<std::string, std::string>> labelled;
  for (const RooflinePoint& point : points) {
    const std::string name = point.kind + (point.measured ? ", measured" : ", predicted");
    auto series = std::ranges::find(plot.series, name, &PlotSeries::name);
    if (series == plot.series.end())
      series =
          plot.series.insert(plot.series.end(), {.name = name, .series = point.series, .predicted = !point.measured});
    series->points.push_back(plot_point(point));
    if (!labelled.insert({point.kind, point.name}).second) series->points.back().label.clear();
  }
}

}  // namespace

Plot roofline(std::span<const RooflinePoint> points, const Limits& limits) {
  std::vector<double> intensities, rates = {limits.tops};
  for (const RooflinePoint& point : points) {
    intensities.push_back(point.intensity);
    rates.push_back(point.tops);
  }
  const double knee = limits.gbps > 0 ? limits.tops / limits.gbps * 1e3 : 1;
  intensities.insert(intensities.end(), {knee / 4, knee * 4});
  const Range x = range_of(intensities), y = range_of(rates);
  Plot plot{
      .name = "Roofline",
      .x = {.name = "operations a byte", .spacing = Spacing::log, .range = Range{x.low / 1.5, x.high * 1.5}},
      .y = {
          .name = "TOPS, 10¹² operations a second", .spacing = Spacing::log, .range = Range{y.low / 1.5, y.high * 2}}};
  add_limits(plot, limits);
  add_points(plot, points);
  return plot;
}

}  // namespace ditune::report
