// SPDX-License-Identifier: Apache-2.0
#include "ditune/problem.hpp"

#include "catch.hpp"
#include "ditune/error.hpp"

using namespace ditune;

TEST_CASE("a problem is read as it is written") {
  CHECK(parse_problem("6144x13824x4608") == GemmProblem{6144, 13824, 4608});
  CHECK(format(parse_problem("1x2x3")) == "1x2x3");
  CHECK(parse_problem("2147483647x1x131071") == GemmProblem{kMaxExtent, 1, kMaxK});
}

TEST_CASE("text that is no problem is refused") {
  for (const char* text : {"", "1", "1x2", "1x2x3x4", "1x2x", "x2x3", "1x2xthree", "1x2x-3", "1x2x+3", " 1x2x3",
                           "1X2X3", "1x2x3.0", "1x2x99999999999999999999"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_problem(text), UsageError);
  }
}

TEST_CASE("sizes out of range are refused, and why") {
  CHECK_THROWS_AS(parse_problem("0x1x1"), UsageError);
  CHECK_THROWS_AS(parse_problem("1x0x1"), UsageError);
  CHECK_THROWS_AS(parse_problem("1x1x0"), UsageError);
  CHECK_THROWS_AS(validate({-1, 1, 1}), UsageError);
  CHECK_THROWS_AS(parse_problem("2147483648x1x1"), UsageError);
  CHECK_THROWS_AS(parse_problem("1x2147483648x1"), UsageError);
  try {
    parse_problem("1x1x131072");
    FAIL("K beyond the bound was accepted");
  } catch (const UsageError& error) {
    CHECK(std::string(error.what()) == "K = 131072 is too large (give 1 to 131071: longer sums can overflow int32)");
  }
}

TEST_CASE("a multiply-add is two operations") {
  CHECK(operations({1000, 1000, 1000}) == 2e9);
  CHECK(tops({1000, 1000, 1000}, 2000) == Approx(1.0));
  CHECK(operations({kMaxExtent, kMaxExtent, kMaxK}) > 1e24);
}
