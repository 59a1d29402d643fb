// SPDX-License-Identifier: Apache-2.0
#include "report/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ditune::report {

namespace {

// May be broken behind a comma that is not of a number: configs are long words.
void add_cell(Markup& html, std::string_view text) {
  const auto is_digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  std::size_t begin = 0;
  html.open("td");
  for (std::size_t end = 1; end < text.size(); ++end) {
    if (text[end - 1] != ',' || is_digit(end)) continue;
    html.text(text.substr(begin, end - begin)).lone("wbr");
    begin = end;
  }
  html.text(text.substr(begin)).close();
}

}  // namespace

Markup draw(const HtmlTable& table) {
  Markup html;
  html.open("div", {{"class", "scroll"}, {"tabindex", "0"}, {"role", "region"}, {"aria-label", table.name}});
  html.open("table", {{"class", "sortable"}}).leaf("caption", table.name).open("thead").open("tr");
  for (const HtmlColumn& column : table.columns) {
    html.open("th", {{"scope", "col"}, {"aria-sort", "none"}, {"class", column.is_number ? "number" : "text"}});
    html.leaf("button", {{"type", "button"}}, column.name).close();
  }
  html.close().close().open("tbody");
  for (const HtmlRow& row : table.rows) {
    row.predicted ? html.open("tr", {{"class", "predicted"}}) : html.open("tr");
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      if (table.columns[i].is_number || table.columns[i].is_short)
        html.leaf("td", {{"class", table.columns[i].is_number ? "number" : "short"}}, row.cells[i]);
      else
        add_cell(html, row.cells[i]);
    html.close();
  }
  return html.close().close().close();
}

Markup folded(std::string_view summary, const HtmlTable& table) {
  Markup html;
  html.open("details").leaf("summary", summary).add(draw(table));
  return html.close();
}

Markup figure(const std::function<Markup(double width)>& picture, std::string_view caption, const Markup& table) {
  Markup html;
  html.open("figure");
  html.open("div", {{"class", "wide"}}).add(picture(kWide)).close();
  html.open("div", {{"class", "narrow"}}).add(picture(kNarrow)).close();
  html.leaf("figcaption", caption).add(table);
  return html.close();
}

Markup& open_section(Markup& page, std::string_view id, std::string_view heading) {
  const std::string title = fmt::format("{}-title", id);
  return page.open("section", {{"id", id}, {"aria-labelledby", title}}).leaf("h2", {{"id", title}}, heading);
}

std::string cell_number(double value) {
  if (!(value > 0) || !std::isfinite(value)) return "";
  const int before_point = static_cast<int>(std::floor(std::log10(value))) + 1;
  return fmt::format("{:.{}f}", value, std::clamp(4 - before_point, 0, 9));
}

}  // namespace ditune::report
