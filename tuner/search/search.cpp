// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/search.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <utility>

#include "ditune/error.hpp"
#include "generator/cost_model.hpp"
#include "tuner/search/guided.hpp"
#include "tuner/search/halving.hpp"
#include "tuner/search/local.hpp"
#include "tuner/search/shuffle.hpp"

namespace ditune {
namespace {

// Tries a list from its front to its end.
class Listed : public Strategy {
 public:
  explicit Listed(std::vector<KernelConfig> order) : order_(std::move(order)), taken_(order_.size(), 0) {}

  std::size_t size() const override { return order_.size(); }

  std::vector<KernelConfig> propose(std::size_t limit) override {
    std::vector<KernelConfig> batch;
    for (; next_ < order_.size() && batch.size() < limit; ++next_)
      if (!taken_[next_]) batch.push_back(order_[next_]);
    return batch;
  }

  void observe(std::span<const Scored> results) override {
    for (const Scored& result : results) {
      const auto at = std::ranges::find(order_, result.config);
      if (at != order_.end()) taken_[static_cast<std::size_t>(at - order_.begin())] = 1;
    }
  }

 private:
  std::vector<KernelConfig> order_;
  std::vector<char> taken_;  // observed, whoever proposed it
  std::size_t next_ = 0;
};

// The candidates with those that are seeds in front, in the seeds' order.
std::vector<KernelConfig> seeds_first(std::vector<KernelConfig> candidates, std::span<const KernelConfig> seeds) {
  auto front = candidates.begin();
  for (const KernelConfig& seed : seeds) {
    const auto at = std::find(front, candidates.end(), seed);
    if (at != candidates.end()) std::rotate(front++, at, at + 1);
  }
  return candidates;
}

std::vector<KernelConfig> in_order(std::span<const KernelConfig> candidates, const std::vector<std::size_t>& order) {
  std::vector<KernelConfig> result;
  result.reserve(order.size());
  for (std::size_t i : order) result.push_back(candidates[i]);
  return result;
}

// Best by the model first: where a budget cuts the list short, the better part was tried.
std::vector<KernelConfig> by_model(std::span<const KernelConfig> candidates, std::span<const double> predicted_us) {
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return predicted_us[i]; });
  return in_order(candidates, order);
}

}  // namespace

void require_strategy(std::string_view name) {
  constexpr std::array kNames = {"guided", "halving", "local", "random", "exhaustive"};
  if (std::ranges::find(kNames, name) == kNames.end())
    throw UsageError("unknown strategy '" + std::string(name) + "'",
                     "use guided, halving, local, random or exhaustive");
}

std::unique_ptr<Strategy> make_strategy(std::string_view name, const Target& target,
                                        std::span<const KernelConfig> seeds, std::uint64_t seed) {
  require_strategy(name);
  const std::vector<KernelConfig> candidates = enumerate(target);
  std::vector<double> predicted_us;
  predicted_us.reserve(candidates.size());
  for (const KernelConfig& config : candidates) predicted_us.push_back(predict(config, target).total_us);
  return make_strategy(name, candidates, predicted_us, seeds, seed);
}

std::unique_ptr<Strategy> make_strategy(std::string_view name, std::span<const KernelConfig> candidates,
                                        std::span<const double> predicted_us, std::span<const KernelConfig> seeds,
                                        std::uint64_t seed) {
  require_strategy(name);
  if (name == "guided") return std::make_unique<Guided>(candidates, predicted_us, seeds, seed);
  if (name == "halving") return std::make_unique<Halving>(candidates, predicted_us, seeds, seed);
  if (name == "local") return std::make_unique<Local>(candidates, predicted_us, seeds, seed);
  if (name == "exhaustive") return std::make_unique<Listed>(seeds_first(by_model(candidates, predicted_us), seeds));
  const std::vector<std::size_t> order = shuffled_indices(candidates.size(), seed);  // random
  return std::make_unique<Listed>(seeds_first(in_order(candidates, order), seeds));
}

}  // namespace ditune
