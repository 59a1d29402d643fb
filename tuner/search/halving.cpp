// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/halving.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ditune {
namespace {

constexpr std::size_t kShapes = 8;  // that begin together

}  // namespace

Halving::Halving(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
                 std::span<const KernelConfig> seeds, std::uint64_t seed)
    : RankedStrategy(candidates, predicted_us, seeds, seed) {
  for (std::size_t i = 0; i < ranked_.size(); ++i) {
    const auto shape = static_cast<std::size_t>(grid_.shapes[i]);  // numbered in the order in which they appear
    if (shape == shapes_.size()) shapes_.emplace_back();
    shapes_[shape].push_back(i);
  }
}

std::size_t Halving::best_of(std::size_t shape) const {
  for (std::size_t i : shapes_[shape])
    if (!ranked_.taken[i]) return i;
  return ranked_.size();
}

// The fastest measured; a shape without one is as fast as the model says beside the others.
double Halving::score(std::size_t shape) const {
  double best = std::numeric_limits<double>::infinity();
  bool known = false;
  for (std::size_t i : shapes_[shape]) {
    known = known || ranked_.measured_us[i] > 0;
    if (ranked_.is_sound(i)) best = std::min(best, ranked_.measured_us[i]);
  }
  if (known) return best;
  double log_ratio = 0, count = 1;
  for (std::size_t i = 0; i < ranked_.size(); ++i) {
    if (!ranked_.is_sound(i)) continue;
    log_ratio += std::log(ranked_.measured_us[i] / ranked_.predicted_us[i]);
    count += 1;
  }
  return ranked_.predicted_us[shapes_[shape].front()] * std::exp(log_ratio / count);
}

// Halves what is alive or lets the next shapes in; false if there are none.
bool Halving::begin_rung() {
  if (alive_.size() > 1) {
    std::ranges::stable_sort(alive_, {}, [&](std::size_t shape) { return score(shape); });
    alive_.resize((alive_.size() + 1) / 2);
    share_ *= 2;
  } else {
    alive_.clear();
    share_ = 1;
    for (; entered_ < shapes_.size() && alive_.size() < kShapes; ++entered_) alive_.push_back(entered_);
  }
  tried_.assign(alive_.size(), 0);
  return !alive_.empty();
}

std::size_t Halving::next() {
  do {
    for (std::size_t round = 0; round < share_; ++round)
      for (std::size_t a = 0; a < alive_.size(); ++a) {
        if (tried_[a] > round) continue;
        const std::size_t i = best_of(alive_[a]);
        if (i == ranked_.size()) continue;
        ++tried_[a];
        return i;
      }
  } while (begin_rung());
  for (std::size_t i = 0; i < ranked_.size(); ++i)
    if (!ranked_.taken[i]) return i;
  return ranked_.size();
}

}  // namespace ditune
