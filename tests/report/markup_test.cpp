// SPDX-License-Identifier: Apache-2.0
#include "report/markup.hpp"

#include <cmath>
#include <limits>

#include "catch.hpp"

using namespace ditune::report;

TEST_CASE("text and attributes cannot become markup") {
  Markup html;
  html.open("p", {{"title", "\"><script>alert(1)</script>"}}).text("<b onclick='x'>&amp;</b>").close();
  CHECK(html.str() ==
        "<p title=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\">&lt;b "
        "onclick=&#39;x&#39;&gt;&amp;amp;&lt;/b&gt;</p>");
}

TEST_CASE("bytes that are no text are replaced") {
  CHECK(escape_markup("a\x01\x7f\xff z") == "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD z");
  CHECK(escape_markup(std::string_view("\0<", 2)) == "\xEF\xBF\xBD&lt;");
  CHECK(escape_markup("\xc0\xbcscript") == "\xEF\xBF\xBD\xEF\xBF\xBDscript");  // an overlong '<'
  CHECK(escape_markup("µs, 日本") == "µs, 日本");
}

TEST_CASE("JSON in a script cannot end it") {
  const std::string json = escape_script(R"({"name":"</script><!--<script>"})");
  CHECK(json.find('<') == std::string::npos);
  CHECK(json == R"({"name":"\u003c/script>\u003c!--\u003cscript>"})");
}

TEST_CASE("coordinates are short numbers, whatever the value") {
  CHECK(coordinate(12) == "12");
  CHECK(coordinate(0.25) == "0.25");
  CHECK(coordinate(100) == "100");
  CHECK(coordinate(-0.001) == "0");
  CHECK(coordinate(1.0 / 3) == "0.33");
  for (const double value : std::initializer_list<double>{std::nan(""), INFINITY, -INFINITY})
    CHECK(coordinate(value) == "0");
}

TEST_CASE("elements nest as they are opened") {
  Markup part;
  part.leaf("b", "x");
  Markup html;
  html.open("ul").open("li", {{"class", ""}}).add(part).close().lone("hr").close();
  CHECK(html.str() == "<ul><li><b>x</b></li><hr/></ul>");
}
