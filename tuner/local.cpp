#include "tuner/local.hpp"

#include <set>

namespace ditune {

Local::Local(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
             std::span<const KernelConfig> seeds, std::uint64_t seed)
    : ranked_(rank(candidates, predicted_us, seeds, seed)),
      grid_(make_grid(ranked_.configs)),
      climb_(ranked_.size(), 0) {}

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

std::size_t Local::begin_climb(std::size_t at) {
  climb_[at] = tops_.size();
  tops_.push_back(at);
  return at;
}

// The number of the candidate, or the count of candidates if none is left.
std::size_t Local::next() {
  for (std::size_t i : ranked_.seeds)
    if (!ranked_.taken[i]) return begin_climb(i);
  for (std::size_t climb = 0; climb < tops_.size(); ++climb) {
    const std::size_t i = neighbour(tops_[climb]);
    if (i == ranked_.size()) continue;
    climb_[i] = climb;
    return i;
  }
  const std::size_t i = start();
  return i == ranked_.size() ? i : begin_climb(i);
}

std::vector<KernelConfig> Local::propose(std::size_t limit) {
  std::vector<std::size_t> picks;
  while (picks.size() < limit) {
    const std::size_t i = next();
    if (i == ranked_.size()) break;
    ranked_.taken[i] = 1;
    picks.push_back(i);
  }
  return ranked_.at(picks);
}

void Local::observe(std::span<const Scored> results) {
  for (const Scored& result : results) {
    const std::size_t i = ranked_.index_of(result.config);
    if (i == ranked_.size()) continue;
    ranked_.taken[i] = 1;
    ranked_.measured_us[i] = result.microseconds;
    if (!ranked_.is_sound(i)) continue;
    if (tops_.empty()) tops_.push_back(i);  // nothing was proposed: an earlier run's is a start, too
    std::size_t& top = tops_[climb_[i]];
    if (!ranked_.is_sound(top) || ranked_.measured_us[i] < ranked_.measured_us[top]) top = i;
  }
}

}  // namespace ditune
