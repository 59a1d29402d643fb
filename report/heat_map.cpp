// SPDX-License-Identifier: Apache-2.0
#include "report/heat_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ditune::report {
namespace {

// A colour of report.css, h0 to h5, for a ratio up to this one; the last has no end.
struct Step {
  double most;
  std::string_view text;
};
constexpr std::array kSteps{Step{1.01, "within 1% of the best"}, Step{1.03, "3%"}, Step{1.1, "10%"}, Step{1.3, "30%"},
                            Step{2, "twice"}};

std::string look_of_ratio(double ratio) {
  const auto step = std::ranges::find_if(kSteps, [&](const Step& s) { return ratio <= s.most; });
  return fmt::format("h{}", step - kSteps.begin());
}

double draw_heat_keys(Svg& svg, const HeatMap& map) {
  std::vector<Key> keys;
  for (std::size_t i = 0; i < kSteps.size(); ++i) keys.push_back({fmt::format("h{}", i), std::string(kSteps[i].text)});
  keys.push_back({fmt::format("h{}", kSteps.size()), "slower"});
  if (std::ranges::any_of(map.cells, &HeatCell::predicted)) keys.push_back({"over", "hatched: predicted"});
  double y = draw_keys(svg, keys, 0);
  for (const std::string& mark : map.marks) {
    svg.text({0, y + kFont - 1}, fit(mark, svg.width()), Anchor::start, "mark-key");
    y += kLine;
  }
  return y + 6;
}

// "1.05", or nothing where there is no room.
std::string cell_text(const HeatCell& cell, double width) {
  const std::string ratio = fmt::format("{:.{}f}", cell.ratio, cell.ratio < 10 ? 2 : 0);
  for (const std::string& text : {cell.mark.empty() ? ratio : cell.mark + " " + ratio, cell.mark})
    if (text_width(text) <= width) return text;
  return "";
}

class Grid {
 public:
  Grid(Svg& svg, const HeatMap& map, double top) : svg_(svg), map_(map), top_(top + kLine + 2) {
    for (const std::string& value : map.y_values) left_ = std::max(left_, text_width(value));
    left_ = std::min(left_ + 8, 0.3 * svg.width());
    width_ = std::min(80.0, (svg.width() - left_) / static_cast<double>(std::max<std::size_t>(map.x_values.size(), 1)));
  }

  double bottom() const { return top_ + kHeight * static_cast<double>(map_.y_values.size()); }

  void draw_names() {
    svg_.text({0, top_ - 6}, fit(map_.y_name, svg_.width()), Anchor::start, "axis-name");
    double end = 0;  // of the last label
    for (std::size_t i = 0; i < map_.x_values.size(); ++i) {
      const std::string text = fit(map_.x_values[i], std::max(width_, 40.0));
      const double half = text_width(text) / 2;
      const double x = std::min(box(static_cast<int>(i), 0).x + width_ / 2, svg_.width() - half);
      if (x - half < end) continue;
      svg_.text({x, bottom() + kLine - 2}, text, Anchor::middle, "tick");
      end = x + half + 4;
    }
    for (std::size_t i = 0; i < map_.y_values.size(); ++i)
      svg_.text({left_ - 6, box(0, static_cast<int>(i)).y + kHeight / 2 + 4}, fit(map_.y_values[i], left_ - 6),
                Anchor::end, "tick");
    svg_.text({left_, bottom() + 2.2 * kLine}, fit(map_.x_name, svg_.width() - left_), Anchor::start, "axis-name");
  }

  void draw_cell(const HeatCell& cell) {
    const Box place = box(cell.x, cell.y);
    svg_.rect(place, look_of_ratio(cell.ratio) + " cell", cell.predicted ? std::string_view() : cell.shown);
    if (cell.predicted) svg_.rect(place, "over", cell.shown);
    if (const std::string text = cell_text(cell, place.width - 2); !text.empty())
      svg_.text({place.x + place.width / 2, place.y + kHeight / 2 + 4}, text, Anchor::middle,
                "cell-text on-" + look_of_ratio(cell.ratio));
    if (!cell.mark.empty()) svg_.rect(place, "marked");
  }

 private:
  static constexpr double kHeight = 22;

  Box box(int x, int y) const { return {left_ + width_ * x, top_ + kHeight * y, width_, kHeight}; }

  Svg& svg_;
  const HeatMap& map_;
  double top_, left_ = 0, width_ = 0;
};

}  // namespace

Markup draw(const HeatMap& map, double width) {
  Svg svg(width, map.name);
  Grid grid(svg, map, draw_heat_keys(svg, map));
  grid.draw_names();
  for (const HeatCell& cell : map.cells) grid.draw_cell(cell);
  return svg.finish(grid.bottom() + 2.6 * kLine);
}

}  // namespace ditune::report
