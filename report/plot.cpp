// SPDX-License-Identifier: Apache-2.0
#include "report/plot.hpp"

#include <algorithm>
#include <cmath>

namespace ditune::report {
namespace {

constexpr double kRadius = 4.5;
constexpr double kTickWidth = 74, kTickHeight = 34;  // pixels that a tick and its label want

double height_of(double width) { return std::clamp(0.5 * width, 240.0, 420.0); }

Range extent(const Plot& plot, const PlotAxis& axis, double PlotPoint::*value) {
  if (axis.range) return *axis.range;
  std::vector<double> values;
  for (const PlotSeries& series : plot.series)
    for (const PlotPoint& point : series.points) {
      if (axis.spacing == Spacing::log && !(point.*value > 0)) continue;
      values.push_back(point.*value);
      if (value == &PlotPoint::y && point.interval) {
        values.push_back(point.interval->low);
        values.push_back(point.interval->high);
      }
    }
  Range range = range_of(values);
  if (axis.spacing == Spacing::linear) range.low = std::min(range.low, 0.0);
  if (axis.spacing == Spacing::linear) range.high *= 1.05;
  if (axis.spacing == Spacing::log && range.low > 0) range = {range.low / 1.15, range.high * 1.15};
  return range;
}

std::string tick_text(const PlotAxis& axis, double value) {
  return axis.duration ? duration_text(value) : number_text(value);
}

// The axes' place, the scales between them, and where points and texts are.
class Area {
 public:
  Area(Svg& svg, const Plot& plot, double top)
      : svg_(svg),
        plot_(plot),
        box_{68, top + kLine + 8, svg.width() - 68 - 14, height_of(svg.width())},
        x_(plot.x.spacing, extent(plot, plot.x, &PlotPoint::x), {box_.x, box_.x + box_.width}),
        y_(plot.y.spacing, extent(plot, plot.y, &PlotPoint::y), {box_.y + box_.height, box_.y}) {}

  Point at(double x, double y) const { return {x_(x), y_(y)}; }
  double bottom() const { return box_.y + box_.height; }

  void draw_axes() {
    for (const PlotBand& band : plot_.bands) {
      const double left = x_(band.x.low), right = std::max(x_(band.x.high), left + 2);
      svg_.rect({left, box_.y, right - left, box_.height}, "band", band.shown);
    }
    for (const double tick : x_.ticks(static_cast<int>(box_.width / kTickWidth))) {
      if (plot_.x.whole && tick != std::round(tick)) continue;
      const double x = x_(tick);
      svg_.line({x, box_.y}, {x, bottom()}, "grid");
      const std::string text = tick_text(plot_.x, tick);
      const double half = text_width(text) / 2;
      svg_.text({std::clamp(x, half, svg_.width() - half), bottom() + kLine}, text, Anchor::middle, "tick");
    }
    for (const double tick : y_.ticks(static_cast<int>(box_.height / kTickHeight))) {
      const double y = y_(tick);
      svg_.line({box_.x, y}, {box_.x + box_.width, y}, "grid");
      svg_.text({box_.x - 6, y + 4}, tick_text(plot_.y, tick), Anchor::end, "tick");
    }
    svg_.line({box_.x, bottom()}, {box_.x + box_.width, bottom()}, "axis");
    svg_.line({box_.x, box_.y}, {box_.x, bottom()}, "axis");
    svg_.text({0, box_.y - 10}, fit(plot_.y.name, svg_.width()), Anchor::start, "axis-name");
    svg_.text({box_.x + box_.width, bottom() + 2.2 * kLine}, fit(plot_.x.name, svg_.width()), Anchor::end, "axis-name");
  }

  void draw_limit(const PlotLimit& limit) {
    svg_.line(at(limit.from.x, limit.from.y), at(limit.to.x, limit.to.y), "limit");
  }

  void name_limit(const PlotLimit& limit) {
    const Point from = at(limit.from.x, limit.from.y), to = at(limit.to.x, limit.to.y);
    const bool is_level = from.y == to.y;
    // Left of where a level limit begins nothing can be; beside one that rises, near its upper end.
    const double room = is_level ? from.x - box_.x - 8 : box_.width / 2;
    const std::string text = fit(limit.name, room < 60 ? box_.width / 2 : room);
    const double width = text_width(text);
    const double left = is_level ? from.x - width - 6 : from.x + 0.75 * (to.x - from.x) + 6;
    const double x = std::clamp(left, box_.x + 2, std::max(box_.x + 2, box_.x + box_.width - width - 2));
    double y = is_level ? to.y + 4 : from.y + 0.75 * (to.y - from.y) + kFont;
    while (y < bottom() && !place({x, y}, text, "limit-name")) y += kLine;
  }

  void draw_series(const PlotSeries& series) {
    const std::string look = look_of(series.series, series.predicted);
    std::vector<Point> line;
    for (const PlotPoint& point : series.points) {
      const Point to = at(point.x, point.y);
      if (series.drawn == Drawn::steps && !line.empty()) line.push_back({to.x, line.back().y});
      line.push_back(to);
      if (point.interval) svg_.interval(at(point.x, point.interval->low), at(point.x, point.interval->high));
      if (series.drawn != Drawn::points) continue;
      svg_.circle(to, kRadius, "dot " + look, point.shown);
      taken_.push_back({to.x - 4, to.y - 4, 8, 8});
    }
    if (series.drawn != Drawn::points) svg_.path(line, "trace " + look);
  }

  // Beside its point, on one of four sides, if nothing is drawn there.
  void label(const PlotPoint& point) {
    if (point.label.empty()) return;
    const Point to = at(point.x, point.y);
    const std::string text = fit(point.label, box_.width / 2);
    const double width = text_width(text);
    for (const Point& corner : {Point{to.x + 7, to.y + 4}, Point{to.x - 7 - width, to.y + 4},
                                Point{to.x - width / 2, to.y - 8}, Point{to.x - width / 2, to.y + 17}})
      if (corner.x >= box_.x && corner.x + width <= svg_.width() && corner.y <= bottom() - 2 &&
          corner.y >= box_.y + kFont && place(corner, text, "point-name"))
        return;
  }

 private:
  // Unless it would cover another text or a point.
  bool place(Point at, const std::string& text, std::string_view look) {
    const Box box{at.x - 1, at.y - kFont, text_width(text) + 2, kLine};
    if (std::ranges::any_of(taken_, [&](const Box& other) { return overlap(box, other); })) return false;
    taken_.push_back(box);
    svg_.text(at, text, Anchor::start, look);
    return true;
  }

  Svg& svg_;
  const Plot& plot_;
  Box box_;
  Scale x_, y_;
  std::vector<Box> taken_;
};

}  // namespace

Markup draw(const Plot& plot, double width) {
  Svg svg(width, plot.name);
  std::vector<Key> keys;
  for (const PlotSeries& series : plot.series)
    if (!series.name.empty()) keys.push_back({"key " + look_of(series.series, series.predicted), series.name});
  if (!plot.bands.empty() && !plot.band_name.empty()) keys.push_back({"band", plot.band_name});
  Area area(svg, plot, draw_keys(svg, keys, 0));
  area.draw_axes();
  for (const PlotLimit& limit : plot.limits) area.draw_limit(limit);
  for (const PlotLimit& limit : plot.limits) area.name_limit(limit);  // in front of all lines
  for (const PlotSeries& series : plot.series) area.draw_series(series);
  for (const PlotSeries& series : plot.series)
    for (const PlotPoint& point : series.points) area.label(point);
  return svg.finish(area.bottom() + 2.6 * kLine);
}

}  // namespace ditune::report
