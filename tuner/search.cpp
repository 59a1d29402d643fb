#include "tuner/search.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "ditune/error.hpp"
#include "generator/cost_model.hpp"
#include "tuner/guided.hpp"
#include "tuner/shuffle.hpp"

namespace ditune {
namespace {

// Tries a list from its front to its end.
class Listed : public Strategy {
 public:
  explicit Listed(std::vector<KernelConfig> order) : order_(std::move(order)) {}

  std::size_t size() const override { return order_.size(); }

  std::vector<KernelConfig> propose(std::size_t limit) override {
    const auto begin = order_.begin() + static_cast<std::ptrdiff_t>(done_);
    const std::size_t count = std::min(limit, order_.size() - done_);
    done_ += count;
    return {begin, begin + static_cast<std::ptrdiff_t>(count)};
  }

  void observe(std::span<const Scored>) override {}

 private:
  std::vector<KernelConfig> order_;
  std::size_t done_ = 0;
};

std::vector<double> predictions(const std::vector<KernelConfig>& candidates, const Target& target) {
  std::vector<double> microseconds;
  microseconds.reserve(candidates.size());
  for (const KernelConfig& config : candidates) microseconds.push_back(predict(config, target).total_us);
  return microseconds;
}

// The candidates with those that are seeds in front, in the seeds' order.
std::vector<KernelConfig> seeds_first(std::vector<KernelConfig> candidates, const std::vector<KernelConfig>& seeds) {
  auto front = candidates.begin();
  for (const KernelConfig& seed : seeds) {
    const auto at = std::find(front, candidates.end(), seed);
    if (at != candidates.end()) std::rotate(front++, at, at + 1);
  }
  return candidates;
}

std::vector<KernelConfig> in_order(const std::vector<KernelConfig>& candidates, const std::vector<std::size_t>& order) {
  std::vector<KernelConfig> result;
  result.reserve(order.size());
  for (std::size_t i : order) result.push_back(candidates[i]);
  return result;
}

// Best by the model first: where a budget cuts the list short, the better part was tried.
std::vector<KernelConfig> by_model(const std::vector<KernelConfig>& candidates, const Target& target) {
  const std::vector<double> predicted_us = predictions(candidates, target);
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return predicted_us[a] < predicted_us[b]; });
  return in_order(candidates, order);
}

}  // namespace

void require_strategy(std::string_view name) {
  if (name != "guided" && name != "random" && name != "exhaustive")
    throw UsageError("unknown strategy '" + std::string(name) + "'", "use guided, random or exhaustive");
}

std::unique_ptr<Strategy> make_strategy(std::string_view name, const Target& target, std::vector<KernelConfig> seeds,
                                        std::uint64_t seed) {
  require_strategy(name);
  const std::vector<KernelConfig> candidates = enumerate(target);
  if (name == "guided") return std::make_unique<Guided>(candidates, predictions(candidates, target), seeds, seed);
  if (name == "exhaustive") return std::make_unique<Listed>(seeds_first(by_model(candidates, target), seeds));
  const std::vector<std::size_t> order = shuffled_indices(candidates.size(), seed);  // random
  return std::make_unique<Listed>(seeds_first(in_order(candidates, order), seeds));
}

}  // namespace ditune
