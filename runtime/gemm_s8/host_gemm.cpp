// SPDX-License-Identifier: Apache-2.0
#include "runtime/gemm_s8/host_gemm.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/in_parallel.hpp"
#include "launch_plan.cuh"
#include "runtime/gemm_s8/int8_sums.hpp"
#include "runtime/gemm_s8/plain_gemm.hpp"

namespace ditune {
namespace {

// What a thread takes at a time: rows of X, and rows of W, which stay in its cache meanwhile.
constexpr long long kBlockRows = 32, kBlockColumns = 64;

class HostGemm {
 public:
  HostGemm(const FusedGemmArgs& args, const Epilogue& epilogue)
      : args_(args), epilogue_(epilogue), sums_(int8_sums().front()) {}

  long long blocks() const { return ceil_div(args_.m, kBlockRows) * blocks_along_n(); }

  // Blocks of the same rows of W follow one another only as far as one row of blocks goes: X is smaller, as a rule.
  void run(long long block) const {
    const long long first_row = block / blocks_along_n() * kBlockRows;
    const long long first_column = block % blocks_along_n() * kBlockColumns;
    const long long end_column = std::min(first_column + kBlockColumns, args_.n);
    const long long end_row = std::min(first_row + kBlockRows, args_.m);
    for (long long column = first_column; column < end_column; column += kSumColumns)
      for (long long row = first_row; row < end_row; row += kSumRows) run_few(row, column);
  }

 private:
  long long blocks_along_n() const { return ceil_div(args_.n, kBlockColumns); }

  // Columns of the accumulator from one on, and rows, as many as are summed at once; beyond the last the last again.
  void run_few(long long row, long long column) const {
    const long long rows = std::min<long long>(kSumRows, args_.m - row);
    const long long columns = std::min<long long>(kSumColumns, args_.n - column);
    Int8Rows few{.x = {}, .w = {}, .k = args_.k};
    for (long long c = 0; c < kSumColumns; ++c) few.w[c] = args_.w + (column + std::min(c, columns - 1)) * args_.ldw;
    Sums sums;
    if (rows == kSumRows) {
      for (long long r = 0; r < rows; ++r) few.x[r] = args_.x + (row + r) * args_.ldx;
      sums_.of_four_rows(few, sums);
      for (long long r = 0; r < rows; ++r) store(row + r, column, columns, sums[r]);
      return;
    }
    for (long long r = 0; r < rows; ++r) {
      few.x[0] = args_.x + (row + r) * args_.ldx;
      sums_.of_one_row(few, sums);
      store(row + r, column, columns, sums[0]);
    }
  }

  void store(long long row, long long column, long long columns, const std::int32_t* sums) const {
    const long long size = output_bytes(epilogue_.out), width = epilogue_.op == EpilogueOp::swiglu ? 2 : 1;
    for (long long c = 0; c < columns; c += width) {
      const long long to = (column + c) / width;
      const unsigned bits = plain_output(args_, epilogue_, row, to, sums + c);
      std::memcpy(static_cast<std::byte*>(args_.y) + (row * args_.ldy + to) * size, &bits,
                  static_cast<std::size_t>(size));  // little-endian, as the device
    }
  }

  const FusedGemmArgs& args_;
  const Epilogue& epilogue_;
  const Int8Sums& sums_;
};

}  // namespace

void host_gemm(const FusedGemmArgs& args, const Epilogue& epilogue, std::size_t threads) {
  const HostGemm gemm(args, epilogue);
  in_parallel(static_cast<std::size_t>(gemm.blocks()), threads,
              [&](std::size_t block) { gemm.run(static_cast<long long>(block)); });
}

}  // namespace ditune
