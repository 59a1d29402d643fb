// SPDX-License-Identifier: Apache-2.0
#include "ditune/error.hpp"

#include "catch.hpp"
#include "ditune/config.hpp"
#include "ditune/epilogue.hpp"
#include "error_of.hpp"

using namespace ditune;
using ditune::test::error_of;

TEST_CASE("an error is one line, whatever it quotes") {
  using namespace std::string_literals;
  CHECK(Error("a\nb\0c"s, "d\x1b[31m\x7f").what() == "a b c (d [31m )"s);
  CHECK(Error("\xC3\xA9", "").what() == "\xC3\xA9"s);
  CHECK(error_of([] { parse_config("no\nconfig"); }).starts_with("'no config' is not a config"));
  CHECK(error_of([] { parse_epilogue("bias=\x1b[2J"); }).starts_with("unknown value ' [2J' of bias"));
}
