#include "ditune/error.hpp"

#include "catch.hpp"
#include "ditune/config.hpp"
#include "ditune/epilogue.hpp"

using namespace ditune;

namespace {

template <class Body>
std::string message_of(Body&& body) {
  try {
    body();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("an error is one line, whatever it quotes") {
  using namespace std::string_literals;
  CHECK(Error("a\nb\0c"s, "d\x1b[31m\x7f").what() == "a b c (d [31m )"s);
  CHECK(Error("\xC3\xA9", "").what() == "\xC3\xA9"s);
  CHECK(message_of([] { parse_config("no\nconfig"); }).starts_with("'no config' is not a config"));
  CHECK(message_of([] { parse_epilogue("bias=\x1b[2J"); }).starts_with("unknown value ' [2J' of bias"));
}
