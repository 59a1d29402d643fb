#include "tuner/search.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "fake_gpu.hpp"
#include "generator/cost_model.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const Target kTarget{{4096, 4608, 4608}, {}, reference_device(SmArch{90})};

std::vector<KernelConfig> all_of(std::string_view name, std::uint64_t seed = 0, std::vector<KernelConfig> seeds = {}) {
  return make_strategy(name, kTarget, std::move(seeds), seed)->propose(1000000);
}

std::vector<std::string> sorted(const std::vector<KernelConfig>& configs) {
  std::vector<std::string> texts;
  for (const KernelConfig& config : configs) texts.push_back(format(config));
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace

TEST_CASE("every strategy proposes each candidate once") {
  const std::vector<std::string> candidates = sorted(enumerate(kTarget));
  for (const char* name : {"guided", "random", "exhaustive"}) {
    INFO(name);
    CHECK(sorted(all_of(name)) == candidates);
    CHECK(make_strategy(name, kTarget, {}, 0)->size() == candidates.size());
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
  for (const char* name : {"guided", "random", "exhaustive"}) {
    const std::vector<KernelConfig> order = all_of(name, 0, seeds);
    INFO(name);
    CHECK(order[0] == seeds[0]);
    CHECK(order[1] == seeds[1]);
  }
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
