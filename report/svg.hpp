// SPDX-License-Identifier: Apache-2.0
// One picture. All that it looks like is in report.css, by class: colours follow the reader's theme.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/markup.hpp"

namespace ditune::report {

struct Point {
  double x = 0, y = 0;
};

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};
bool overlap(const Box& a, const Box& b);

inline constexpr double kFont = 12, kLine = 16;  // pixels

// At most what a sans-serif font of kFont pixels takes.
double text_width(std::string_view text);
// The text, or as much of it as fits, with an ellipsis.
std::string fit(std::string_view text, double width);

enum class Anchor { start, middle, end };

class Svg {
 public:
  // `name` is what a screen reader says of it.
  Svg(double width, std::string_view name);

  // `shown` is what pointing at a shape shows; may be empty.
  void text(Point at, std::string_view text, Anchor anchor = Anchor::start, std::string_view look = {});
  void line(Point from, Point to, std::string_view look);
  void rect(const Box& box, std::string_view look, std::string_view shown = {});
  void circle(Point centre, double radius, std::string_view look, std::string_view shown = {});
  void path(const std::vector<Point>& points, std::string_view look);
  // "|-|" from one x to the other, or upright.
  void interval(Point from, Point to);

  double width() const { return width_; }
  // The picture, as high as what is in it ends.
  Markup finish(double height) const;

 private:
  void shape(std::string_view element, Attributes attributes, std::string_view shown);

  double width_;
  std::string name_;
  Markup content_;
};

// What a look stands for.
struct Key {
  std::string look, text;
};

// Keys beside one another, in as many lines as it takes; returns where they end. `y` is the top.
double draw_keys(Svg& svg, const std::vector<Key>& keys, double y);

// The look of series `i`: "s0" to "s6", from a palette for the colour-blind; with " predicted" it is hatched or dashed.
std::string look_of(int series, bool predicted);
inline constexpr int kSeries = 7;

// The patterns that predicted bars and cells are filled with: once a page.
Markup hatches();

}  // namespace ditune::report
