// SPDX-License-Identifier: Apache-2.0
#include "catch.hpp"
#include "ditune/error.hpp"
#include "ditune/operation.hpp"

using namespace ditune;

TEST_CASE("a problem is read as it is written") {
  CHECK(parse_shape("6144x13824x4608") == Gemm{6144, 13824, 4608});
  CHECK(format_shape(parse_shape("1x2x3")) == "1x2x3");
  CHECK(parse_shape("2147483647x1x131071") == Gemm{kMaxExtent, 1, kMaxK});
}

TEST_CASE("text that is no problem is refused") {
  for (const char* text : {"", "1", "1x2", "1x2x3x4", "1x2x", "x2x3", "1x2xthree", "1x2x-3", "1x2x+3", " 1x2x3",
                           "1X2X3", "1x2x3.0", "1x2x99999999999999999999"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_shape(text), UsageError);
  }
}

TEST_CASE("sizes out of range are refused, and why") {
  CHECK_THROWS_AS(parse_shape("0x1x1"), UsageError);
  CHECK_THROWS_AS(parse_shape("1x0x1"), UsageError);
  CHECK_THROWS_AS(parse_shape("1x1x0"), UsageError);
  CHECK_THROWS_AS(validate(Gemm{-1, 1, 1}), UsageError);
  CHECK_THROWS_AS(parse_shape("2147483648x1x1"), UsageError);
  CHECK_THROWS_AS(parse_shape("1x2147483648x1"), UsageError);
  try {
    parse_shape("1x1x131072");
    FAIL("K beyond the bound was accepted");
  } catch (const UsageError& error) {
    CHECK(std::string(error.what()) == "K = 131072 is too large (give 1 to 131071: longer sums can overflow int32)");
  }
}

TEST_CASE("a multiply-add is two operations") {
  CHECK(work(Gemm{1000, 1000, 1000}) == 2e9);
  CHECK(tops(Gemm{1000, 1000, 1000}, 2000) == Approx(1.0));
  CHECK(work(Gemm{kMaxExtent, kMaxExtent, kMaxK}) > 1e24);
}
