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

TEST_CASE("Bytes become adjacent literals") {
  CHECK(byte_literals("AB", "  ") == "  \"\\101\\102\"");
  const std::string lines = byte_literals(std::string(29, 'A'), "");
  CHECK(lines.size() == 29 * 4 + 4 + 1);
  CHECK(lines.substr(28 * 4 + 2) == "\n\"\\101\"");
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
