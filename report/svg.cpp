// SPDX-License-Identifier: Apache-2.0
#include "report/svg.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/plain_text.hpp"

namespace ditune::report {
namespace {

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// Of the character that begins with this byte, in a font that is among the wider ones.
double width_of(char lead) {
  constexpr std::string_view kNarrow = "ijlft.,:;|'!()[] ", kWide = "MWmw@%";
  if (static_cast<unsigned char>(lead) >= 0xe2) return 1.1 * kFont;  // Chinese, Japanese, Korean, emoji, dashes
  if (kNarrow.find(lead) != std::string_view::npos) return 0.42 * kFont;
  if (kWide.find(lead) != std::string_view::npos) return kFont;
  return (lead >= 'A' && lead <= 'Z' ? 0.8 : 0.65) * kFont;
}

}  // namespace

bool overlap(const Box& a, const Box& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

double text_width(std::string_view text) {
  double width = 0;
  for (const char byte : text)
    if (!continues(byte)) width += width_of(byte);
  return width;
}

std::string fit(std::string_view text, double width) {
  std::string plain = to_plain(text, "?");
  if (text_width(plain) <= width) return plain;
  width -= kFont;  // the ellipsis
  std::string kept;
  for (std::size_t at = 0; at < plain.size();) {
    width -= width_of(plain[at]);
    if (width < 0) break;
    do kept += plain[at++];
    while (at < plain.size() && continues(plain[at]));
  }
  return kept + "…";
}

Svg::Svg(double width, std::string_view name) : width_(width), name_(name) {}

void Svg::text(Point at, std::string_view text, Anchor anchor, std::string_view look) {
  constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  content_.leaf(
      "text", {{"x", at.x}, {"y", at.y}, {"text-anchor", kAnchors[static_cast<std::size_t>(anchor)]}, {"class", look}},
      text);
}

void Svg::line(Point from, Point to, std::string_view look) {
  content_.lone("line", {{"x1", from.x}, {"y1", from.y}, {"x2", to.x}, {"y2", to.y}, {"class", look}});
}

void Svg::shape(std::string_view element, Attributes attributes, std::string_view shown) {
  if (shown.empty()) {
    content_.lone(element, attributes);
    return;
  }
  content_.open(element, attributes).leaf("title", shown).close();
}

void Svg::rect(const Box& box, std::string_view look, std::string_view shown) {
  shape("rect",
        {{"x", box.x}, {"y", box.y}, {"width", std::max(box.width, 0.0)}, {"height", box.height}, {"class", look}},
        shown);
}

void Svg::circle(Point centre, double radius, std::string_view look, std::string_view shown) {
  shape("circle", {{"cx", centre.x}, {"cy", centre.y}, {"r", radius}, {"class", look}}, shown);
}

void Svg::path(const std::vector<Point>& points, std::string_view look) {
  std::string list;
  for (const Point& point : points)
    list += fmt::format("{}{},{}", list.empty() ? "" : " ", coordinate(point.x), coordinate(point.y));
  content_.lone("polyline", {{"points", list}, {"class", look}});
}

void Svg::interval(Point from, Point to) {
  constexpr double kCap = 3;
  const bool upright = from.x == to.x;
  const double dx = upright ? kCap : 0, dy = upright ? 0 : kCap;
  line(from, to, "interval");
  for (const Point& end : {from, to}) line({end.x - dx, end.y - dy}, {end.x + dx, end.y + dy}, "interval");
}

Markup Svg::finish(double height) const {
  Markup svg;
  svg.open("svg", {{"viewBox", fmt::format("0 0 {} {}", coordinate(width_), coordinate(height))},
                   {"width", width_},
                   {"height", height},
                   {"role", "img"},
                   {"aria-label", name_}});
  return svg.add(content_).close();
}

double draw_keys(Svg& svg, const std::vector<Key>& keys, double y) {
  constexpr double kMark = 12, kGap = 18;
  double x = 0;
  for (const auto& [look, text] : keys) {
    const std::string fitting = fit(text, svg.width() - kMark - 6);
    const double width = kMark + 6 + text_width(fitting);
    if (x > 0 && x + width > svg.width()) {
      x = 0;
      y += kLine;
    }
    svg.rect({x, y + 2, kMark, kMark - 2}, look);
    svg.text({x + kMark + 6, y + kFont - 1}, fitting);
    x += width + kGap;
  }
  return keys.empty() ? y : y + kLine + 6;
}

std::string look_of(int series, bool predicted) {
  return fmt::format("s{}{}", series % kSeries, predicted ? " predicted" : "");
}

Markup hatches() {
  Markup svg;
  svg.open("svg", {{"class", "hatches"}, {"width", 0}, {"height", 0}, {"aria-hidden", "true"}}).open("defs");
  for (int i = 0; i < kSeries; ++i) {
    svg.open("pattern", {{"id", fmt::format("hatch{}", i)},
                         {"width", 6},
                         {"height", 6},
                         {"patternUnits", "userSpaceOnUse"},
                         {"patternTransform", "rotate(45)"}});
    svg.lone("rect", {{"width", 6}, {"height", 6}, {"class", "hatch-ground"}});
    svg.lone("rect", {{"width", 2.5}, {"height", 6}, {"class", look_of(i, false)}}).close();
  }
  // On top of a cell's colour.
  svg.open("pattern", {{"id", "hatch-over"},
                       {"width", 5},
                       {"height", 5},
                       {"patternUnits", "userSpaceOnUse"},
                       {"patternTransform", "rotate(45)"}});
  svg.lone("rect", {{"width", 1.5}, {"height", 5}, {"class", "hatch-line"}}).close();
  return svg.close().close();
}

}  // namespace ditune::report
