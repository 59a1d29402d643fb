#include "tuner/correction.hpp"

#include "catch.hpp"
#include "landscape.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("without observations nothing is corrected") {
  const Grid grid = make_grid(made_up_candidates());
  for (const double log_ratio : fit_correction(grid, {})) CHECK(log_ratio == 0);
}

TEST_CASE("a common factor is found") {
  const Grid grid = make_grid(made_up_candidates());
  const std::vector<Observation> seen = {{0, 0.4}, {200, 0.4}, {400, 0.4}};
  for (const double log_ratio : fit_correction(grid, seen)) CHECK(log_ratio == Approx(0.4));
}

TEST_CASE("what was seen of a tile is expected of its other configs") {
  const std::vector<KernelConfig> configs = made_up_candidates();
  const Grid grid = make_grid(configs);
  std::vector<Observation> seen;
  for (std::size_t i = 0; i < configs.size(); i += 7)
    seen.push_back({i, std::get<MmaS8Config>(configs[i]).tile_m == 96 ? 0.5 : 0.0});
  const std::vector<double> expected = fit_correction(grid, seen);
  for (std::size_t i = 1; i < configs.size(); i += 7)
    CHECK(expected[i] == Approx(std::get<MmaS8Config>(configs[i]).tile_m == 96 ? 0.5 : 0.0).margin(0.1));
}
