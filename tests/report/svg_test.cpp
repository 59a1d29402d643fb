// SPDX-License-Identifier: Apache-2.0
#include "report/svg.hpp"

#include "pictures.hpp"

using namespace ditune::report;

TEST_CASE("a text that is too long ends in an ellipsis and fits") {
  CHECK(fit("short", 200) == "short");
  const std::string cut = fit("a name that is much too long for its place", 100);
  CHECK(cut.ends_with("…"));
  CHECK(text_width(cut) <= 100);
  CHECK(fit("日本語日本語日本語日本語", 60).ends_with("…"));
  CHECK(text_width(fit("日本語日本語日本語日本語", 60)) <= 60);
  CHECK(fit("anything", 0) == "…");
  CHECK(fit("bad\xff", 200) == "bad?");
}

TEST_CASE("names in a picture cannot become markup") {
  Svg svg(100, "<x>\"");
  svg.text({0, 0}, "</text><script>");
  svg.rect({0, 0, 1, 1}, "s0", "</title><script>");
  const Markup picture = svg.finish(50);
  check_sound(picture);
  CHECK(picture.str().find("<script") == std::string::npos);
  CHECK(picture.str().find("aria-label=\"&lt;x&gt;&quot;\"") != std::string::npos);
}

TEST_CASE("keys wrap where the picture ends") {
  Svg narrow(120, ""), wide(2000, "");
  const std::vector<Key> keys = {{"s0", "one of them"}, {"s1", "another one"}, {"s2", "a third one"}};
  CHECK(draw_keys(wide, keys, 0) < draw_keys(narrow, keys, 0));
  CHECK(draw_keys(wide, {}, 7) == 7);
}
