// SPDX-License-Identifier: Apache-2.0
#include "runtime/gemm_s8/int8_sums.hpp"

#include <random>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace ditune;

TEST_CASE("every way to sum that this CPU has gives the same sums, whatever k") {
  std::mt19937 engine(1);
  REQUIRE(std::string(int8_sums().back().name) == "plain");
  std::vector<int> lengths = {1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1000, 4608, 131071};
  for (int i = 0; i < 50; ++i) lengths.push_back(1 + static_cast<int>(engine() % 400));
  for (const int k : lengths) {
    std::vector<signed char> values(static_cast<std::size_t>(k) * (kSumRows + kSumColumns));
    for (signed char& v : values) v = k == 131071 ? -128 : static_cast<signed char>(engine());
    Int8Rows rows{.x = {}, .w = {}, .k = k};
    for (int i = 0; i < kSumRows; ++i) rows.x[i] = &values[static_cast<std::size_t>(i) * static_cast<std::size_t>(k)];
    for (int i = 0; i < kSumColumns; ++i)
      rows.w[i] = &values[static_cast<std::size_t>(kSumRows + i) * static_cast<std::size_t>(k)];
    for (const Int8Sums& sums : int8_sums()) {
      INFO(sums.name << " k=" << k);
      Sums of_four{}, of_one{};
      sums.of_four_rows(rows, of_four);
      sums.of_one_row(rows, of_one);
      bool are_equal = true;
      for (int r = 0; r < kSumRows; ++r)
        for (int c = 0; c < kSumColumns; ++c) {
          std::int32_t sum = 0;
          for (int i = 0; i < k; ++i) sum += rows.x[r][i] * rows.w[c][i];
          are_equal &= of_four[r][c] == sum && of_one[r][c] == (r == 0 ? sum : 0);
        }
      CHECK(are_equal);
    }
  }
}
