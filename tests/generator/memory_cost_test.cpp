// SPDX-License-Identifier: Apache-2.0
#include "generator/gemm_s8/memory_cost.hpp"

#include "catch.hpp"
#include "gemm.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

double bytes(const char* problem, const char* device, const TileOrder& order, const Epilogue& epilogue = {}) {
  return dram_bytes({with(parse_shape(problem), epilogue), find_device(device)}, order);
}

}  // namespace

TEST_CASE("what L2 keeps is read once") {
  const TileOrder order{.tile_m = 128, .tile_n = 256, .group = 8, .at_once = 132};
  CHECK(bytes("4096x4096x2048", "H100", order) == Approx(2 * 4096.0 * 2048 + 2 * 4096.0 * 4096));
  CHECK(bytes("4096x4096x2048", "H100", order, {.out = Output::f32}) == Approx(2 * 4096.0 * 2048 + 4 * 4096.0 * 4096));
}

TEST_CASE("what L2 does not keep is read for each band, and X for each wave of columns") {
  // 67 MB each for an L2 of 6 MiB: 4 bands of 8 rows of tiles, 10 columns of tiles at once of 32.
  const double operand = 8192.0 * 8192, results = 2 * operand;
  CHECK(bytes("8192x8192x8192", "RTX 3090", {.tile_m = 256, .tile_n = 256, .group = 8, .at_once = 82}) ==
        Approx(operand * 4 + operand * 32 / 10 + results));
  CHECK(bytes("8192x8192x8192", "RTX 3090", {.tile_m = 256, .tile_n = 256, .group = 32, .at_once = 82}) ==
        Approx(operand + operand * 32 / 2 + results));
}

TEST_CASE("times that overlap lie between the longest and the sum") {
  CHECK(overlap(3, 4, 1) == Approx(7));
  CHECK(overlap(3, 4, 2) == Approx(5));
  CHECK(overlap(3, 4, 100) == Approx(4));
}
