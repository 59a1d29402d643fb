// SPDX-License-Identifier: Apache-2.0
#include "generator/cost_model.hpp"

#include <algorithm>
#include <vector>

#include "bench/model_check.hpp"
#include "catch.hpp"

using namespace ditune;

namespace {

std::vector<TableRow> a6000_table() {
  const std::vector<TableRow> rows = read_tile_table(DITUNE_SOURCE_DIR "/tests/generator/data/a6000_cutlass2_int8.csv");
  REQUIRE(rows.size() == 30);
  return rows;
}

double predicted_us(const char* config, const char* problem, const DeviceInfo& device) {
  return predict(parse_config(config), {.operation = parse_shape(problem), .device = device}).total_us;
}

}  // namespace

TEST_CASE("ranks correlate as their order agrees, and equal times share a rank") {
  const TileTimes up{1, 2, 3, 4, 5, 6, 7, 8, 9}, down{9, 8, 7, 6, 5, 4, 3, 2, 1}, swapped{2, 1, 3, 4, 5, 6, 7, 8, 9};
  CHECK(rank_correlation(up, up) == Approx(1));
  CHECK(rank_correlation(up, down) == Approx(-1));
  CHECK(rank_correlation(up, swapped) == Approx(1 - 6 * 2.0 / (9 * 80)));
  CHECK(ranks(TileTimes{5, 1, 5, 7, 8, 9, 10, 11, 12}) == std::vector<double>{1.5, 0, 1.5, 3, 4, 5, 6, 7, 8});
}

TEST_CASE("the model explains the measured table of an RTX A6000") {
  const std::vector<TableRow> rows = a6000_table();
  const TableVerdict v = judge(rows, capped_a6000());
  CHECK(v.mean_regret < 0.02);
  CHECK(v.worst_regret < 0.15);
  CHECK(v.mean_correlation > 0.94);
  CHECK(v.worst_correlation > 0.85);
  CHECK(v.error < 0.10);
  // The pick does not hang on the clock that the power cap leaves.
  for (const double mhz : {1135, 1660}) CHECK(judge(rows, capped_a6000(mhz)).worst_regret < 0.15);
}

TEST_CASE("the model sees the cliff of an ungrouped launch order that outgrows L2") {
  // N = 16384: from M = 4096 to 8192 the 128x128 tile falls from 1.09 to 1.44 times the time of the 128x256 tile.
  const DeviceInfo device = capped_a6000();
  int compared = 0;
  for (const TableRow& row : a6000_table()) {
    if (row.problem.n != 16384) continue;
    INFO(format(row.problem));
    CHECK(narrow_to_wide(predicted_times(row.problem, device)) == Approx(narrow_to_wide(row.us)).epsilon(0.1));
    ++compared;
  }
  CHECK(compared == 6);
  CHECK(narrow_to_wide(predicted_times({4096, 16384, 4096}, device)) < 1.2);
  CHECK(narrow_to_wide(predicted_times({8192, 16384, 4096}, device)) > 1.3);

  // Grouping keeps the operands in L2.
  CHECK(predicted_us("mma_s8:tile=128x128x64,warps=2x2,stages=4,group=8", "8192x16384x4096", device) <
        1.2 * predicted_us("mma_s8:tile=128x256x64,warps=2x4,stages=3,group=8", "8192x16384x4096", device));
}

TEST_CASE("the model knows what is fast on an H100, within a tenth") {
  // Measured with a prototype of this kernel: TOPS.
  const DeviceInfo& h100 = find_device("H100");
  const auto rate = [&](const char* config, const char* problem) {
    return tops(parse_shape(problem), predicted_us(config, problem, h100));
  };
  CHECK(rate("mma_s8:tile=128x256x128,warps=2x4,stages=3,group=16", "6144x13824x4608") == Approx(940).epsilon(0.1));
  CHECK(rate("mma_s8:tile=128x128x128,warps=2x2,stages=3,ctas=2", "4096x4608x4608") == Approx(891).epsilon(0.1));
  CHECK(rate("mma_s8:tile=128x192x128,warps=2x4,stages=4,staging=shared", "4096x4608x12288") ==
        Approx(977).epsilon(0.1));
  CHECK(rate("mma_s8:tile=128x128x128,warps=2x4,stages=3", "4096x24576x4608") == Approx(700).epsilon(0.1));
}

TEST_CASE("few rows are as fast as W is read, and more CTAs read it faster") {
  const DeviceInfo& h100 = find_device("H100");
  const double one = predicted_us("mma_s8:tile=16x64x128,warps=1x4,stages=8,ctas=2", "1x4608x4608", h100);
  CHECK(one > 4608.0 * 4608 / 3.35e6);
  CHECK(one < 20);
  CHECK(predicted_us("mma_s8:tile=16x64x128,warps=1x4,stages=2", "1x4608x4608", h100) > one);  // latency shows
  CHECK(predicted_us("mma_s8:tile=16x256x128,warps=1x4,stages=4", "1x4608x4608", h100) >
        predicted_us("mma_s8:tile=16x256x128,warps=1x4,stages=4,split_k=6", "1x4608x4608", h100));
}

TEST_CASE("narrow loads cost, more work takes longer, and parts add up") {
  const DeviceInfo& card = find_device("RTX 3090");
  const std::string config = "mma_s8:tile=128x128x64,warps=2x2,stages=3";
  double last = 0;
  for (const char* load : {"", ",load=8", ",load=4", ",load=1"}) {
    const double us = predicted_us((config + load).c_str(), "4096x4096x4096", card);
    CHECK(us > last);
    last = us;
  }
  CHECK(predicted_us(config.c_str(), "8192x4096x4096", card) >
        1.8 * predicted_us(config.c_str(), "4096x4096x4096", card));
  const Prediction p = predict(parse_config(config), {.operation = Gemm{4096, 4096, 4096}, .device = card});
  CHECK(p.total_us >= std::max({p.math_us, p.l2_us, p.dram_us}) + p.fixed_us);
  CHECK(p.total_us <= p.math_us + p.l2_us + p.dram_us + p.fixed_us);
  CHECK(p.waves == Approx(1024.0 / (82 * 2)));
}
