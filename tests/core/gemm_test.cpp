// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "ditune/operation.hpp"
#include "error_of.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

std::string refused(const Gemm& gemm) {
  return error_of([&] { validate(gemm); });
}

std::string interleaved(std::string_view gate, std::string_view up, std::size_t row_bytes) {
  std::string both(gate.size() + up.size(), '.');
  interleave(std::as_bytes(std::span(gate)), std::as_bytes(std::span(up)), std::as_writable_bytes(std::span(both)),
             row_bytes);
  return both;
}

}  // namespace

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

TEST_CASE("an epilogue that does not fit the columns is refused, and why") {
  CHECK(refused({4, 7, 3, {.op = EpilogueOp::swiglu}}) == "N = 7 is odd (swiglu takes pairs of rows of W)");
  CHECK(refused({4, 8, 3, {.op = EpilogueOp::swiglu}}) == "no error");
  CHECK(refused({4, 7, 3, {.op = EpilogueOp::silu, .from = 7}}) ==
        "from = 7 is beyond the 7 columns (give the first column of the op, or no op)");
  CHECK(refused({4, 7, 3, {.op = EpilogueOp::silu, .from = 6}}) == "no error");
  CHECK(refused({4, 7, 3, {.residual = Residual::f16, .gate = Gate::index}}) == "no error");
  CHECK(refused({4, 7, 3, {.gate = Gate::index}}) ==
        "gate=index without a residual (give the residual's type, or no gate)");
}

TEST_CASE("swiglu has half as many columns as rows of W") {
  CHECK(output_columns(Gemm{4, 6, 3, {.op = EpilogueOp::swiglu}}) == 3);
  CHECK(output_columns(Gemm{4, 6, 3, {.op = EpilogueOp::silu}}) == 6);
}

TEST_CASE("rows of gate and up are interleaved, gate first") {
  CHECK(interleaved("aabbcc", "112233", 2) == "aa11bb22cc33");
  CHECK(interleaved("aabbcc", "112233", 6) == "aabbcc112233");
  CHECK(interleaved("abc", "123", 1) == "a1b2c3");
  CHECK(interleaved("", "", 4).empty());
}

TEST_CASE("what cannot be interleaved is refused, and nothing is written") {
  const auto refused = [](std::size_t gate, std::size_t up, std::size_t both, std::size_t row_bytes) {
    std::string memory = "abcdefghijklmnop";
    const std::string before = memory;
    const auto bytes = std::as_writable_bytes(std::span(memory));
    const std::string said =
        error_of([&] { interleave(bytes.first(gate), bytes.subspan(4, up), bytes.subspan(8, both), row_bytes); });
    CHECK((said == "no error" || memory == before));
    return said;
  };
  const std::string advice = " (give gate and up as many rows, and both as many as the two)";
  CHECK(refused(4, 4, 8, 2) == "no error");
  CHECK(refused(4, 2, 8, 2) == "4 bytes of gate, 2 of up and 8 of both in rows of 2" + advice);
  CHECK(refused(4, 4, 6, 2) == "4 bytes of gate, 4 of up and 6 of both in rows of 2" + advice);
  CHECK(refused(4, 4, 8, 3) == "4 bytes of gate, 4 of up and 8 of both in rows of 3" + advice);
  CHECK(refused(4, 4, 8, 0) == "4 bytes of gate, 4 of up and 8 of both in rows of 0" + advice);
}

TEST_CASE("interleaving in place is refused, and neighbours are not") {
  std::vector<std::byte> memory(24);
  const auto refused = [&](std::size_t gate, std::size_t up, std::size_t both) {
    const std::span<std::byte> all = memory;
    return error_of([&] { interleave(all.subspan(gate, 4), all.subspan(up, 4), all.subspan(both, 8), 2); });
  };
  const std::string overlap = "both overlaps gate or up (give it memory of its own)";
  CHECK(refused(0, 16, 0) == overlap);
  CHECK(refused(0, 16, 3) == overlap);
  CHECK(refused(16, 0, 3) == overlap);
  CHECK(refused(0, 11, 4) == overlap);
  CHECK(refused(12, 0, 4) == "no error");  // right behind up, right before gate
  CHECK(refused(0, 12, 4) == "no error");
  CHECK(refused(0, 0, 8) == "no error");  // gate and up are read alone
}
