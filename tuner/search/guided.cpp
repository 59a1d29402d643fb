// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/guided.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace ditune {
namespace {

constexpr double kOptimism = 1;           // standard deviations
constexpr double kFailureLogRatio = 0.7;  // a failure counts as twice the prediction: its like probably fail too
constexpr std::size_t kExploreEvery = 8;  // proposals: the last of them is of a shape never tried
constexpr std::size_t kMostKnown = 256;   // candidates that the surrogate is told of: its time grows with their square

}  // namespace

Guided::Guided(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
               std::span<const KernelConfig> seeds, std::uint64_t seed)
    : RankedStrategy(candidates, predicted_us, seeds, seed),
      shapes_(std::set<int>(grid_.shapes.begin(), grid_.shapes.end()).size()),
      surrogate_(grid_) {}

// Tells the surrogate anew, so that what it knows does not depend on the order in which results came.
void Guided::before_batch() {
  surrogate_ = Surrogate(grid_);
  told_ = 0;
  for (std::size_t i = 0; i < ranked_.size() && told_ < kMostKnown; ++i) {
    if (ranked_.measured_us[i] == 0) continue;
    const double ratio = ranked_.measured_us[i] / ranked_.predicted_us[i];
    surrogate_.learn(i, std::isfinite(ratio) ? std::log(ratio) : kFailureLogRatio);
    ++told_;
  }
  for (std::size_t i = 0; i < ranked_.size(); ++i)
    if (ranked_.taken[i] && ranked_.measured_us[i] == 0) await(i);
}

void Guided::await(std::size_t i) {
  if (told_++ < kMostKnown) surrogate_.await(i);
}

std::size_t Guided::next() {
  std::set<int> tried;  // shapes to be passed over
  const auto taken = static_cast<std::size_t>(std::ranges::count(ranked_.taken, 1));
  if (taken % kExploreEvery == kExploreEvery - 1)
    for (std::size_t i = 0; i < ranked_.size(); ++i)
      if (ranked_.taken[i]) tried.insert(grid_.shapes[i]);
  if (tried.size() == shapes_) tried.clear();

  std::size_t best = ranked_.size();
  double best_score = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < ranked_.size(); ++i) {
    if (ranked_.taken[i] || tried.contains(grid_.shapes[i])) continue;
    const double score = std::log(ranked_.predicted_us[i]) + surrogate_.mean(i) - kOptimism * surrogate_.deviation(i);
    if (score >= best_score) continue;
    best = i;
    best_score = score;
  }
  return best;
}

}  // namespace ditune
