// SPDX-License-Identifier: Apache-2.0
#include "report/bars.hpp"

#include <algorithm>

namespace ditune::report {
namespace {

constexpr double kHeight = 14, kPitch = 20, kLeast = 1.5;  // pixels; a bar is never too short to be seen

std::string end_text(const Bar& bar) {
  return duration_text(total_us(bar)) + (bar.remark.empty() ? "" : ", " + bar.remark);
}

// Where bars are drawn, between their names and their times.
struct Columns {
  double name_width = 0;
  Scale scale;
};

Columns columns_of(const BarChart& chart, double width) {
  double name_width = 0, end_width = 0, longest_us = 0;
  for (const BarGroup& group : chart.groups) {
    longest_us = std::max(longest_us, group.line_us.value_or(0));
    for (const Bar& bar : group.bars) {
      name_width = std::max(name_width, text_width(bar.name));
      end_width = std::max(end_width, text_width(end_text(bar)));
      double us = 0;
      for (const BarPart& part : bar.parts) {
        longest_us = std::max(longest_us, us + (part.interval ? part.interval->high : part.us));
        us += part.us;
      }
    }
  }
  name_width = std::min(name_width, 0.28 * width);
  end_width = std::min(end_width, 0.5 * width);
  return {name_width, Scale(Spacing::linear, {0, longest_us}, {name_width + 8, width - end_width - 10})};
}

// Returns where the bar ends.
double draw_bar(Svg& svg, const Bar& bar, const Columns& columns, double y) {
  svg.text({columns.name_width, y + kHeight - 3}, fit(bar.name, columns.name_width), Anchor::end, "bar-name");
  double us = 0, end = columns.scale(0);
  for (const BarPart& part : bar.parts) {
    const double from = columns.scale(us), to = std::max(columns.scale(us + part.us), from + kLeast);
    svg.rect({from, y, to - from, kHeight}, look_of(part.series, part.predicted), part.shown);
    if (part.interval) {
      const double low = columns.scale(us + part.interval->low), high = columns.scale(us + part.interval->high);
      svg.interval({low, y + kHeight / 2}, {high, y + kHeight / 2});
      end = std::max(end, high);
    }
    us += part.us;
    end = std::max(end, to);
  }
  return end;
}

// Returns where the group ends.
double draw_bars(Svg& svg, const BarGroup& group, const Columns& columns, double top) {
  std::vector<double> ends;
  double y = top;
  for (const Bar& bar : group.bars) {
    ends.push_back(draw_bar(svg, bar, columns, y));
    y += kPitch;
  }
  if (group.line_us) {
    const double x = columns.scale(*group.line_us);
    svg.line({x, top - 3}, {x, y - kPitch + kHeight + 3}, "mark");
  }
  // Last, so that the line is behind them.
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const double end = ends[i] + 8;
    svg.text({end, top + kPitch * static_cast<double>(i) + kHeight - 3},
             fit(end_text(group.bars[i]), svg.width() - end), Anchor::start, "bar-end");
  }
  return y;
}

}  // namespace

double total_us(const Bar& bar) {
  double us = 0;
  for (const BarPart& part : bar.parts) us += part.us;
  return us;
}

Markup draw(const BarChart& chart, double width) {
  Svg svg(width, chart.name);
  const Columns columns = columns_of(chart, width);
  double y = draw_keys(svg, chart.keys, 0);
  for (const BarGroup& group : chart.groups) {
    if (!group.name.empty()) {
      constexpr double kBold = 0.88;  // of a width, what bold letters leave
      svg.text({0, y + kFont}, fit(group.name, kBold * width), Anchor::start, "group-name");
      y += kLine + 4;
    }
    y = draw_bars(svg, group, columns, y) + 6;
  }
  return svg.finish(y);
}

}  // namespace ditune::report
