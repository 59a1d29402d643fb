// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/surrogate.hpp"

#include "catch.hpp"
#include "landscape.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

std::size_t find(const std::vector<KernelConfig>& configs, const char* text) {
  const auto at = std::ranges::find(configs, parse_config(text));
  REQUIRE(at != configs.end());
  return static_cast<std::size_t>(at - configs.begin());
}

}  // namespace

TEST_CASE("without measurements nothing is corrected, and nothing is certain") {
  const Grid grid = make_grid(made_up_candidates());
  const Surrogate surrogate(grid);
  for (std::size_t i = 0; i < grid.points.size(); ++i) {
    CHECK(surrogate.mean(i) == 0);
    CHECK(surrogate.deviation(i) == Approx(surrogate.deviation(0)));
    CHECK(surrogate.deviation(i) > 0.1);
  }
}

TEST_CASE("a factor that all share is found") {
  const Grid grid = make_grid(made_up_candidates());
  Surrogate surrogate(grid);
  for (std::size_t i = 0; i < grid.points.size(); i += 50) surrogate.learn(i, 0.4);
  for (std::size_t i = 0; i < grid.points.size(); ++i) CHECK(surrogate.mean(i) == Approx(0.4).margin(0.02));
}

TEST_CASE("what was measured is known, and the more of the like the more alike") {
  const std::vector<KernelConfig> configs = made_up_candidates();
  const Grid grid = make_grid(configs);
  const std::size_t known = find(configs, "mma_s8:tile=96x192x64,warps=2x4,stages=3");
  const std::size_t alike = find(configs, "mma_s8:tile=96x192x64,warps=2x4,stages=4");
  const std::size_t less = find(configs, "mma_s8:tile=96x192x64,warps=2x4,stages=4,group=1");
  const std::size_t tile = find(configs, "mma_s8:tile=96x192x64,warps=2x2,stages=4,group=1");
  const std::size_t far = find(configs, "mma_s8:tile=256x64x64,warps=2x2,stages=4,group=1");
  Surrogate surrogate(grid);
  surrogate.learn(known, 0.3);
  CHECK(surrogate.mean(known) == Approx(0.3).epsilon(0.01));
  CHECK(surrogate.deviation(known) < 0.011);
  const std::vector<std::size_t> order = {known, alike, less, tile, far};
  for (std::size_t i = 1; i < order.size(); ++i) {
    CHECK(surrogate.mean(order[i]) < surrogate.mean(order[i - 1]));
    CHECK(surrogate.deviation(order[i]) > surrogate.deviation(order[i - 1]));
  }
}

TEST_CASE("what is awaited is less uncertain, and says nothing yet") {
  const Grid grid = make_grid(made_up_candidates());
  Surrogate surrogate(grid), learned(grid);
  const double before = surrogate.deviation(1);
  surrogate.await(0);
  learned.learn(0, 0.3);
  CHECK(surrogate.mean(1) == 0);
  CHECK(surrogate.deviation(1) < before);
  CHECK(surrogate.deviation(1) == learned.deviation(1));
}
