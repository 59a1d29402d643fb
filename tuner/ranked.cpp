#include "tuner/ranked.hpp"

#include <algorithm>
#include <cmath>

#include "tuner/shuffle.hpp"

namespace ditune {

std::size_t Ranked::index_of(const KernelConfig& config) const {
  return static_cast<std::size_t>(std::ranges::find(configs, config) - configs.begin());
}

bool Ranked::is_sound(std::size_t i) const { return measured_us[i] > 0 && std::isfinite(measured_us[i]); }

std::vector<KernelConfig> Ranked::at(std::span<const std::size_t> indices) const {
  std::vector<KernelConfig> result;
  result.reserve(indices.size());
  for (std::size_t i : indices) result.push_back(configs[i]);
  return result;
}

Ranked rank(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
            std::span<const KernelConfig> seeds, std::uint64_t seed) {
  std::vector<std::size_t> order = shuffled_indices(candidates.size(), seed);
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return predicted_us[i]; });
  Ranked ranked;
  for (std::size_t i : order) {
    ranked.configs.push_back(candidates[i]);
    ranked.predicted_us.push_back(predicted_us[i]);
  }
  ranked.taken.assign(candidates.size(), 0);
  ranked.measured_us.assign(candidates.size(), 0.0);
  for (const KernelConfig& config : seeds)
    if (const std::size_t i = ranked.index_of(config); i < ranked.size()) ranked.seeds.push_back(i);
  return ranked;
}

}  // namespace ditune
