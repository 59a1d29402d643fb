// SPDX-License-Identifier: Apache-2.0
// The pieces that sections are made of.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "report/markup.hpp"

namespace ditune::report {

struct HtmlColumn {
  std::string name;
  bool is_number = false;
  bool is_short = false;  // texts of a few words, each kept in one line
};

struct HtmlRow {
  std::vector<std::string> cells;  // one a column
  bool predicted = false;
};

struct HtmlTable {
  std::string name;  // its caption
  std::vector<HtmlColumn> columns;
  std::vector<HtmlRow> rows = {};
};

// Sortable by its headers; one with many rows can be filtered (report.js).
Markup draw(const HtmlTable& table);

// The table behind a line that opens it.
Markup folded(std::string_view summary, const HtmlTable& table);

// The picture as wide as a screen and as wide as a phone, of which report.css shows one; what it says, and its table.
Markup figure(const std::function<Markup(double width)>& picture, std::string_view caption, const Markup& table);
inline constexpr double kWide = 980, kNarrow = 340;

// <section id="ID"> with its heading; its end is the caller's close().
Markup& open_section(Markup& page, std::string_view id, std::string_view heading);

// In a table, whose column says the unit: four significant digits. Empty for 0.
std::string cell_number(double value);

}  // namespace ditune::report
