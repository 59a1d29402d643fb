// SPDX-License-Identifier: Apache-2.0
#include "core/plain_text.hpp"

#include <string_view>

#include "catch.hpp"

using ditune::escape;
using ditune::is_plain;
using ditune::to_plain;

TEST_CASE("Printable UTF-8 is plain") {
  CHECK(is_plain(""));
  CHECK(is_plain("NVIDIA H100 80GB HBM3"));
  CHECK(is_plain("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"));
}

TEST_CASE("Control characters and malformed UTF-8 are not plain") {
  for (const std::string_view text : {"\n", "\x1b[2J", "\x7f", "\xc2\x85", "\x80", "\xc0\xaf", "\xc3", "\xe2\x82",
                                      "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    CHECK_FALSE(is_plain(text));
    CHECK(is_plain(to_plain(text)));
    CHECK(is_plain(escape(text)));
  }
  CHECK_FALSE(is_plain(std::string_view("a\0b", 3)));
}

TEST_CASE("to_plain keeps what is plain") {
  CHECK(to_plain("caf\xc3\xa9") == "caf\xc3\xa9");
  CHECK(to_plain("line\nnext\xff!") == "line next !");
}

TEST_CASE("escape keeps what is plain and shows the bytes of the rest") {
  CHECK(escape("caf\xc3\xa9") == "caf\xc3\xa9");
  CHECK(escape("a\x1b[2J\n\xff\xc2\x9b") == R"(a\x1b[2J\x0a\xff\xc2\x9b)");
}
