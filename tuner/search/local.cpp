// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/local.hpp"

#include <limits>
#include <set>

namespace ditune {
namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

}  // namespace

Local::Local(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
             std::span<const KernelConfig> seeds, std::uint64_t seed)
    : RankedStrategy(candidates, predicted_us, seeds, seed), climb_(ranked_.size(), kNone) {}

std::size_t Local::neighbour(std::size_t of) const {
  for (std::size_t i = 0; i < ranked_.size(); ++i)
    if (!ranked_.taken[i] && are_neighbours(grid_, of, i)) return i;
  return ranked_.size();
}

std::size_t Local::start() const {
  std::set<int> tried;
  std::size_t first = ranked_.size();  // of all that were not tried
  for (std::size_t i = ranked_.size(); i-- > 0;) {
    if (ranked_.taken[i])
      tried.insert(grid_.shapes[i]);
    else
      first = i;
  }
  for (std::size_t i = first; i < ranked_.size(); ++i)
    if (!tried.contains(grid_.shapes[i])) return i;
  return first;
}

std::size_t Local::next() {
  for (std::size_t climb = 0; climb < tops_.size(); ++climb) {
    const std::size_t i = neighbour(tops_[climb]);
    if (i == ranked_.size()) continue;
    climb_[i] = climb;
    return i;
  }
  return start();
}

// What no climb led to begins one: a seed, a start, what an earlier run proposed.
void Local::when_proposed(std::size_t i) {
  if (climb_[i] != kNone) return;
  climb_[i] = tops_.size();
  tops_.push_back(i);
}

void Local::when_observed(std::size_t i) {
  if (!ranked_.is_sound(i)) return;
  when_proposed(i);
  std::size_t& top = tops_[climb_[i]];
  if (!ranked_.is_sound(top) || ranked_.measured_us[i] < ranked_.measured_us[top]) top = i;
}

}  // namespace ditune
