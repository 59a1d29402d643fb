#include "tuner/guided.hpp"

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
    : ranked_(rank(candidates, predicted_us, seeds, seed)),
      grid_(make_grid(ranked_.configs)),
      shapes_(std::set<int>(grid_.shapes.begin(), grid_.shapes.end()).size()) {}

// The number of the candidate, or the count of candidates if none is left.
std::size_t Guided::next(const Surrogate& surrogate) const {
  for (std::size_t i : ranked_.seeds)
    if (!ranked_.taken[i]) return i;
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
    const double score = std::log(ranked_.predicted_us[i]) + surrogate.mean(i) - kOptimism * surrogate.deviation(i);
    if (score >= best_score) continue;
    best = i;
    best_score = score;
  }
  return best;
}

std::vector<KernelConfig> Guided::propose(std::size_t limit) {
  Surrogate surrogate(grid_);
  std::size_t known = 0;
  for (std::size_t i = 0; i < ranked_.size() && known < kMostKnown; ++i) {
    if (ranked_.measured_us[i] == 0) continue;
    const double ratio = ranked_.measured_us[i] / ranked_.predicted_us[i];
    surrogate.learn(i, std::isfinite(ratio) ? std::log(ratio) : kFailureLogRatio);
    ++known;
  }
  const auto await = [&](std::size_t i) {
    if (known++ < kMostKnown) surrogate.await(i);
  };
  for (std::size_t i = 0; i < ranked_.size(); ++i)
    if (ranked_.taken[i] && ranked_.measured_us[i] == 0) await(i);

  std::vector<std::size_t> picks;
  while (picks.size() < limit) {
    const std::size_t i = next(surrogate);
    if (i == ranked_.size()) break;
    ranked_.taken[i] = 1;
    picks.push_back(i);
    await(i);
  }
  return ranked_.at(picks);
}

void Guided::observe(std::span<const Scored> results) {
  for (const Scored& result : results) {
    const std::size_t i = ranked_.index_of(result.config);
    if (i == ranked_.size()) continue;
    ranked_.taken[i] = 1;
    ranked_.measured_us[i] = result.microseconds;
  }
}

}  // namespace ditune
