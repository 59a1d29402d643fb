// SPDX-License-Identifier: Apache-2.0
#include "db/cpp_text.hpp"

#include "catch.hpp"

using namespace ditune;

TEST_CASE("A string literal holds nothing that could end it or mean something else") {
  CHECK(string_literal("RTX 3090") == "\"RTX 3090\"");
  CHECK(string_literal("a\"b\\c\n?") == "\"a\\042b\\134c\\012\\077\"");
  CHECK(string_literal(std::string_view("\0"
                                        "7\xff",
                                        3)) == "\"\\0007\\377\"");
}

TEST_CASE("Bytes become numbers of a little-endian machine, with a zero byte behind them") {
  const Words none = words("", "  "), two = words("AB", "  "), eight = words("\x01\x02\x03\x04\x05\x06\x07\xff", "");
  CHECK((none.count == 1 && none.text == "  0x0,"));
  CHECK((two.count == 1 && two.text == "  0x4241,"));
  CHECK((eight.count == 2 && eight.text == "0xff07060504030201,0x0,"));
  const Words lines = words(std::string(5 * 8, 'A'), " ");
  CHECK(lines.count == 6);
  CHECK(lines.text.ends_with("0x4141414141414141,\n 0x0,"));
}

TEST_CASE("Raw literals are cut between lines and cannot be closed by their content") {
  CHECK(raw_literals("int x;\n") == "R\"cuda(int x;\n)cuda\"");
  CHECK(raw_literals(")cuda\"") == "R\"cuda_()cuda\")cuda_\"");
  std::string text;
  while (text.size() < 20'000) text += "a line of thirty-two characters\n";
  const std::string literals = raw_literals(text);
  std::size_t longest = 0, pieces = 0;
  for (std::size_t at = literals.find("R\"cuda("); at != std::string::npos; ++pieces) {
    const std::size_t end = literals.find(")cuda\"", at);
    CHECK(literals[end - 1] == '\n');
    longest = std::max(longest, end - at);
    at = literals.find("R\"cuda(", end);
  }
  CHECK(pieces == 3);
  CHECK(longest < 8300);
}
