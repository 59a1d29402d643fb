// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/search.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <string>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "fake_gpu.hpp"
#include "generator/cost_model.hpp"
#include "landscape.hpp"
#include "tuner/search/grid.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const Target kTarget{Gemm{4096, 4608, 4608}, reference_device(SmArch{90})};

constexpr std::array kStrategies = {"guided", "halving", "local", "random", "exhaustive"};

std::vector<KernelConfig> all_of(std::string_view name, std::uint64_t seed = 0) {
  return make_strategy(name, kTarget, {}, seed)->propose(1000000);
}

std::vector<std::string> sorted(const std::vector<KernelConfig>& configs) {
  std::vector<std::string> texts;
  for (const KernelConfig& config : configs) texts.push_back(format(config));
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace

TEST_CASE("every strategy proposes each candidate once") {
  const Target few{parse_operation("quantize_s8:m=4096,k=4608"), kTarget.device};
  const std::vector<std::string> candidates = sorted(enumerate(few));
  for (const char* name : kStrategies) {
    INFO(name);
    CHECK(make_strategy(name, few, {}, 0)->size() == candidates.size());
    CHECK(sorted(make_strategy(name, few, {}, 0)->propose(1000000)) == candidates);
  }
}

TEST_CASE("exhaustive goes by the model, random by the seed") {
  const std::vector<KernelConfig> by_model = all_of("exhaustive");
  CHECK(std::is_sorted(by_model.begin(), by_model.end(), [](const KernelConfig& a, const KernelConfig& b) {
    return predict(a, kTarget).total_us < predict(b, kTarget).total_us;
  }));
  CHECK(all_of("random", 1) == all_of("random", 1));
  CHECK(all_of("random", 1) != all_of("random", 2));
}

TEST_CASE("seeds come first") {
  const std::vector<KernelConfig> candidates = enumerate(kTarget);
  const std::vector<KernelConfig> seeds = {candidates.back(), candidates[candidates.size() / 2]};
  for (const char* name : kStrategies) {
    INFO(name);
    CHECK(make_strategy(name, kTarget, seeds, 0)->propose(2) == seeds);
  }
}

TEST_CASE("the same seed gives the same order, whatever is measured meanwhile") {
  const auto run = [](const char* name, std::uint64_t seed) {
    const auto search = make_strategy(name, kTarget, {}, seed);
    std::vector<std::string> order;
    while (order.size() < 40) {
      std::vector<Scored> results;
      for (const KernelConfig& config : search->propose(8)) {
        order.push_back(format(config));
        results.push_back({config, distorted(config, predict(config, kTarget).total_us, 1)});
      }
      search->observe(results);
    }
    return order;
  };
  for (const char* name : kStrategies) CHECK(run(name, 3) == run(name, 3));
}

TEST_CASE("what an earlier run measured is not proposed again") {
  const std::vector<KernelConfig> candidates = enumerate(kTarget);
  const KernelConfig foreign = parse_config("mma_s8:tile=16x16x16,warps=1x1,stages=9");
  for (const char* name : kStrategies) {
    INFO(name);
    const auto search = make_strategy(name, kTarget, {}, 0);
    std::vector<Scored> stored = {{foreign, 1.0}};
    std::vector<KernelConfig> left;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (i % 3 == 0)
        stored.push_back({candidates[i], i % 2 ? 100.0 : std::numeric_limits<double>::infinity()});
      else
        left.push_back(candidates[i]);
    }
    search->observe(stored);
    CHECK(sorted(search->propose(1000000)) == sorted(left));
  }
}

TEST_CASE("where all fail, every strategy goes on to the end") {
  const std::vector<KernelConfig> candidates = enumerate(kTarget);
  const std::vector<KernelConfig> few(candidates.begin(), candidates.begin() + 100);
  const std::vector<double> predicted(few.size(), 1.0);
  for (const char* name : kStrategies) {
    INFO(name);
    const auto search = make_strategy(name, few, predicted, {}, 0);
    std::size_t proposed = 0;
    for (std::vector<KernelConfig> batch = search->propose(8); !batch.empty(); batch = search->propose(8)) {
      std::vector<Scored> results;
      for (const KernelConfig& config : batch) results.push_back({config, std::numeric_limits<double>::infinity()});
      search->observe(results);
      proposed += batch.size();
    }
    CHECK(proposed == few.size());
  }
}

TEST_CASE("local goes where it is faster") {
  const KernelConfig start = parse_config("wgmma_s8:tile=128x128,stages=4"),
                     second = parse_config("wgmma_s8:tile=128x128,stages=4,launch=dependent"),
                     of_start = parse_config("wgmma_s8:tile=128x128,stages=5"),
                     of_second = parse_config("wgmma_s8:tile=128x128,stages=4,group=16,launch=dependent");
  const std::vector<KernelConfig> candidates = {start, second, of_start, of_second};
  const std::vector<double> predicted = {1, 2, 3, 4};
  const auto third = [&](double second_us) {
    const auto search = make_strategy("local", candidates, predicted, {}, 0);
    CHECK(search->propose(2) == std::vector<KernelConfig>{start, second});
    search->observe(std::vector<Scored>{{start, 100.0}, {second, second_us}});
    return search->propose(1).front();
  };
  CHECK(third(50) == of_second);
  CHECK(third(150) == of_start);
}

TEST_CASE("local starts anew where no neighbour is left") {
  const std::vector<KernelConfig> candidates = {
      parse_config("wgmma_s8:tile=128x128,stages=4"), parse_config("wgmma_s8:tile=128x128,stages=5"),
      parse_config("wgmma_s8:tile=128x256,stages=3"), parse_config("mma_s8:tile=128x128x64,warps=2x2,stages=2")};
  const std::vector<double> predicted = {1, 4, 3, 2};
  // Of what was never tried the model's best, not the neighbour of anything.
  CHECK(make_strategy("local", candidates, predicted, {}, 0)->propose(4) ==
        std::vector<KernelConfig>{candidates[0], candidates[1], candidates[3], candidates[2]});
}

TEST_CASE("halving drops the slower half of the shapes, and then measures twice as many of each") {
  std::vector<KernelConfig> candidates;
  std::vector<double> predicted;
  for (const char* tile : {"64x64", "64x128", "128x64", "128x128", "128x192", "128x256", "192x128", "256x128", "64x96"})
    for (int stages = 2; stages < 10; ++stages) {
      candidates.push_back(parse_config("wgmma_s8:tile=" + std::string(tile) + ",stages=" + std::to_string(stages)));
      predicted.push_back(100.0 + static_cast<double>(candidates.size()));
    }
  const auto search = make_strategy("halving", candidates, predicted, {}, 0);
  const auto tile = [](const KernelConfig& config) { return format(config).substr(0, format(config).find(",")); };
  const auto tiles_of = [&](std::size_t count) {
    std::map<std::string, int> tiles;
    std::vector<Scored> results;
    for (const KernelConfig& config : search->propose(count)) {
      ++tiles[tile(config)];
      results.push_back({config, tile(config).ends_with("128") ? 50.0 : 100.0});
    }
    search->observe(results);
    return tiles;
  };
  CHECK(tiles_of(8).size() == 8);  // all but the last
  const std::map<std::string, int> second = {{"wgmma_s8:tile=64x128", 2},
                                             {"wgmma_s8:tile=128x128", 2},
                                             {"wgmma_s8:tile=192x128", 2},
                                             {"wgmma_s8:tile=256x128", 2}};
  CHECK(tiles_of(8) == second);
  CHECK(tiles_of(8).size() == 2);
  tiles_of(1);  // what one shape has left: 8 - 1 - 2 - 4; then the last shape enters
  CHECK(tiles_of(1).contains("wgmma_s8:tile=64x96"));
}

TEST_CASE("an unknown strategy is refused by name") {
  try {
    make_strategy("clever", kTarget, {}, 0);
    FAIL();
  } catch (const UsageError& error) {
    CHECK(std::string(error.what()).find("clever") != std::string::npos);
  }
}

TEST_CASE("on real candidates guided comes within 3 percent of the best, the model being wrong") {
  for (std::uint64_t landscape = 0; landscape < 8; ++landscape) {
    const auto cost = [&](const KernelConfig& config) {
      return distorted(config, predict(config, kTarget).total_us, landscape);
    };
    double optimum = std::numeric_limits<double>::infinity(), best = optimum;
    for (const KernelConfig& config : enumerate(kTarget)) optimum = std::min(optimum, cost(config));
    const auto search = make_strategy("guided", kTarget, {}, 0);
    for (int batch = 0; batch < 4; ++batch) {
      std::vector<Scored> results;
      for (const KernelConfig& config : search->propose(16)) results.push_back({config, cost(config)});
      for (const Scored& result : results) best = std::min(best, result.microseconds);
      search->observe(results);
    }
    INFO("landscape " << landscape << ": " << best / optimum - 1);
    CHECK(best < 1.03 * optimum);
  }
}
