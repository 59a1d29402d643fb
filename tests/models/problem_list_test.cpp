// SPDX-License-Identifier: Apache-2.0
#include "models/problem_list.hpp"

#include "catch.hpp"
#include "ditune/error.hpp"

using namespace ditune;

namespace {

std::string error_of(const std::string& text) {
  try {
    read_problem_list(text, "list.csv", {});
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a list's rows are problems, each with its own epilogue or the other one") {
  const auto problems = read_problem_list("k,m,n,epilogue\n3,1,2,out=s32\n6,4,5,\n", "list.csv", {.out = Output::f32});
  REQUIRE(problems.size() == 2);
  CHECK(problems[0] == Operation(Gemm{1, 2, 3, {.out = Output::s32}}));
  CHECK(problems[1] == Operation(Gemm{4, 5, 6, {.out = Output::f32}}));
  CHECK(read_problem_list("m,n,k\n1,2,3\n1,2,3\n", "list.csv", {}).size() == 2);
}

TEST_CASE("a line may be any operation's text, whatever the other lines are") {
  const Operation quantize = parse_operation("quantize_s8:m=6144,k=4608,norm=rms");
  const Operation gemm = Gemm{1, 2, 3, {.out = Output::f16}};
  const std::string text = "quantize_s8:m=6144,k=4608,norm=rms\r\n";
  CHECK(read_problem_list(text, "list", {}) == std::vector{quantize});
  CHECK(read_problem_list("# both\n  " + text + "\ngemm_s8:m=1,n=2,k=3,out=f16", "list", {.out = Output::f32}) ==
        std::vector{quantize, gemm});
  CHECK(read_problem_list("m,n,k,epilogue\n" + text + "1,2,3,out=f16\n" + text, "list", {}) ==
        std::vector{quantize, gemm, quantize});
  CHECK(read_problem_list(text + "m,n,k\n1,2,3\n", "list", {.out = Output::f16}) == std::vector{quantize, gemm});
  const auto rows = read_problem_list("name,m,n,k\nblocks.0:qkv,1,2,3\n\"gemm_s8:m=9,n=9,k=9\",1,2,3\n", "list", {});
  CHECK(rows == std::vector<Operation>{Gemm{1, 2, 3}, Gemm{1, 2, 3}});
}

TEST_CASE("a long list is read row by row, and how far it is read is told") {
  constexpr std::size_t kRows = 200'000;
  std::string text = "m,n,k\n";
  for (std::size_t row = 1; row <= kRows; ++row) text += std::to_string(row) + ",16,16\n";
  std::size_t last = 0, calls = 0;
  bool is_increasing = true;
  const auto problems = read_problem_list(text, "list.csv", {}, [&](std::size_t bytes) {
    is_increasing = is_increasing && last < bytes;
    last = bytes;
    ++calls;
  });
  REQUIRE(problems.size() == kRows);
  CHECK(rows(problems.back()) == kRows);
  CHECK(is_increasing);
  CHECK(calls > 100);
  CHECK(calls < kRows / 100);
  CHECK(last > text.size() / 2);
  CHECK(last <= text.size());
}

TEST_CASE("a bad problem is named with its line") {
  CHECK(error_of("m,n,k,epilouge\n1,2,3,bias=bf16\n")
            .starts_with("list.csv line 1: unknown column 'epilouge' (did you mean"));
  CHECK(error_of("m,n,k\n1,2,3\n1,0,3\n").starts_with("list.csv line 3: N = 0 is out of range"));
  CHECK(
      error_of("m,n,k\n99999999999999,2,3\n").starts_with("list.csv line 2: M = 99999999999999 is too large (give 1 "));
  CHECK(error_of("m,n,k\n1,99999999999999999999,3\n")
            .starts_with("list.csv line 2: N = 99999999999999999999 is too large (give 1 to 2147483647"));
  CHECK(error_of("m,n,k\n1,2x2,3\n").starts_with("list.csv line 2: '1x2x2x3' is not a problem"));
  CHECK(error_of("m,n,k,epilogue\n1,2,3,out=u8\n").starts_with("list.csv line 2: unknown value 'u8' of out"));
  CHECK(error_of("m,n,k\n") == "list.csv has no problems (give a line m,n,k or KIND:key=value,... for each)");
  CHECK(error_of("m,n\n1,2\n").starts_with("list.csv line 1: no column 'k'"));
  CHECK(error_of("quantize_s8:m=1,k=16\nquantize_s8:m=1,k=0\n").starts_with("list.csv line 2: K = 0 is out of range"));
  CHECK(error_of("quantise_s8:m=1,k=16\n").starts_with("list.csv line 1: unknown kind of operation 'quantise_s8'"));
  CHECK(error_of("quantize_s8:m=1,k=16\n1,2,3\n").starts_with("list.csv line 2: no column 'm'"));
}
