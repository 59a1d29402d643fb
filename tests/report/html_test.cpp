// SPDX-License-Identifier: Apache-2.0
#include "report/html.hpp"

#include "pictures.hpp"

using namespace ditune::report;

TEST_CASE("a cell may be broken behind a comma, but a number is not") {
  const HtmlTable table{.name = "t", .columns = {{"Config"}}, .rows = {{{"a=1,b=2,"}}, {{"1,980–2,000"}}}};
  const std::string html = draw(table).str();
  CHECK(count_of(html, "<td>a=1,<wbr/>b=2,</td>") == 1);
  CHECK(count_of(html, "<td>1,980–2,000</td>") == 1);
}

TEST_CASE("numbers are right-aligned, and short texts stay in one line") {
  const HtmlTable table{.name = "t", .columns = {{"N", true}, {"Name", false, true}}, .rows = {{{"1", "a, b"}}}};
  CHECK(count_of(draw(table).str(), "<td class=\"number\">1</td><td class=\"short\">a, b</td>") == 1);
}
