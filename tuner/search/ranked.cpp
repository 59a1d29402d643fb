// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/ranked.hpp"

#include <algorithm>
#include <cmath>

#include "tuner/search/shuffle.hpp"

namespace ditune {

std::size_t Ranked::index_of(const KernelConfig& config) const {
  return static_cast<std::size_t>(std::ranges::find(configs, config) - configs.begin());
}

bool Ranked::is_sound(std::size_t i) const { return measured_us[i] > 0 && std::isfinite(measured_us[i]); }

RankedStrategy::RankedStrategy(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
                               std::span<const KernelConfig> seeds, std::uint64_t seed) {
  std::vector<std::size_t> order = shuffled_indices(candidates.size(), seed);
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return predicted_us[i]; });
  for (std::size_t i : order) {
    ranked_.configs.push_back(candidates[i]);
    ranked_.predicted_us.push_back(predicted_us[i]);
  }
  ranked_.taken.assign(candidates.size(), 0);
  ranked_.measured_us.assign(candidates.size(), 0.0);
  for (const KernelConfig& config : seeds)
    if (const std::size_t i = ranked_.index_of(config); i < ranked_.size()) ranked_.seeds.push_back(i);
  grid_ = make_grid(ranked_.configs);
}

std::vector<KernelConfig> RankedStrategy::propose(std::size_t limit) {
  before_batch();
  std::vector<KernelConfig> batch;
  while (batch.size() < limit) {
    const auto seed = std::ranges::find_if(ranked_.seeds, [&](std::size_t i) { return !ranked_.taken[i]; });
    const std::size_t i = seed != ranked_.seeds.end() ? *seed : next();
    if (i == ranked_.size()) break;
    ranked_.taken[i] = 1;
    batch.push_back(ranked_.configs[i]);
    when_proposed(i);
  }
  return batch;
}

void RankedStrategy::observe(std::span<const Scored> results) {
  for (const Scored& result : results) {
    const std::size_t i = ranked_.index_of(result.config);
    if (i == ranked_.size()) continue;
    ranked_.taken[i] = 1;
    ranked_.measured_us[i] = result.microseconds;
    when_observed(i);
  }
}

}  // namespace ditune
