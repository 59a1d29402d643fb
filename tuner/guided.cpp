#include "tuner/guided.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "tuner/shuffle.hpp"

namespace ditune {
namespace {

constexpr std::size_t kOpeners = 16;      // shapes tried before anything is known
constexpr double kHopeless = 2.0;         // no opener is predicted slower than this times the best
constexpr std::size_t kLeaders = 4;       // whose neighbours are tried
constexpr std::size_t kExploreEvery = 8;  // proposals: one of them looks at a shape never tried
constexpr double kFailureLogRatio = 0.7;  // a failure counts as twice the prediction: its like probably fail too

template <class T>
std::vector<T> permuted(const std::vector<T>& values, const std::vector<std::size_t>& order) {
  std::vector<T> result;
  result.reserve(values.size());
  for (std::size_t i : order) result.push_back(values[i]);
  return result;
}

}  // namespace

Guided::Guided(const std::vector<KernelConfig>& candidates, const std::vector<double>& predicted_us,
               std::span<const KernelConfig> seeds, std::uint64_t seed) {
  std::vector<std::size_t> order = shuffled_indices(candidates.size(), seed);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return predicted_us[a] < predicted_us[b]; });
  candidates_ = permuted(candidates, order);
  predicted_us_ = permuted(predicted_us, order);
  expected_us_ = predicted_us_;
  grid_ = make_grid(candidates_);
  proposed_.assign(candidates_.size(), 0);
  measured_us_.assign(candidates_.size(), 0.0);
  queue_openers(seeds);
}

void Guided::queue_openers(std::span<const KernelConfig> seeds) {
  std::set<int> shapes;
  for (const KernelConfig& config : seeds) {
    const auto at = std::find(candidates_.begin(), candidates_.end(), config);
    if (at != candidates_.end()) openers_.push_back(static_cast<std::size_t>(at - candidates_.begin()));
  }
  const std::size_t end = openers_.size() + kOpeners;
  for (std::size_t i = 0; i < candidates_.size() && openers_.size() < end; ++i)
    if (predicted_us_[i] <= kHopeless * predicted_us_[0] && shapes.insert(grid_.shapes[i]).second)
      openers_.push_back(i);
}

// Picks candidates one after another; what was picked before counts as tried.
class Guided::Picker {
 public:
  explicit Picker(const Guided& search) : search_(search), taken_(search.proposed_) {
    for (std::size_t i = 0; i < taken_.size(); ++i)
      if (taken_[i]) tried_shapes_.insert(search_.grid_.shapes[i]);
    for (std::size_t leader : search_.leaders())
      for (std::size_t i = 0; i < taken_.size(); ++i)
        if (are_neighbours(search_.grid_, leader, i)) neighbours_.push_back(i);
  }

  // The number of the candidate, or the count of candidates if none is left.
  std::size_t next() {
    const std::size_t none = taken_.size();
    std::size_t best = opener();
    const std::size_t turn = search_.proposals_ + picked_;
    if (best == none && turn % kExploreEvery == 0)
      best = best_of_all([&](std::size_t i) { return !tried_shapes_.contains(search_.grid_.shapes[i]); });
    if (best == none && turn % 2 == 1) best = best_neighbour();
    if (best == none) best = best_of_all([](std::size_t) { return true; });
    if (best != none) {
      taken_[best] = 1;
      tried_shapes_.insert(search_.grid_.shapes[best]);
      ++picked_;
    }
    return best;
  }

 private:
  std::size_t opener() const {
    for (std::size_t i : search_.openers_)
      if (!taken_[i]) return i;
    return taken_.size();
  }

  std::size_t better(std::size_t best, std::size_t i) const {
    if (taken_[i]) return best;
    return best == taken_.size() || search_.expected_us_[i] < search_.expected_us_[best] ? i : best;
  }

  std::size_t best_neighbour() const {
    std::size_t best = taken_.size();
    for (std::size_t i : neighbours_) best = better(best, i);
    return best;
  }

  template <class Filter>
  std::size_t best_of_all(Filter&& filter) const {
    std::size_t best = taken_.size();
    for (std::size_t i = 0; i < taken_.size(); ++i)
      if (filter(i)) best = better(best, i);
    return best;
  }

  const Guided& search_;
  std::vector<char> taken_;
  std::set<int> tried_shapes_;
  std::vector<std::size_t> neighbours_;
  std::size_t picked_ = 0;
};

std::vector<std::size_t> Guided::leaders() const {
  std::vector<std::size_t> measured;
  for (std::size_t i = 0; i < measured_us_.size(); ++i)
    if (measured_us_[i] > 0 && std::isfinite(measured_us_[i])) measured.push_back(i);
  std::stable_sort(measured.begin(), measured.end(),
                   [&](std::size_t a, std::size_t b) { return measured_us_[a] < measured_us_[b]; });
  if (measured.size() > kLeaders) measured.resize(kLeaders);
  return measured;
}

std::vector<KernelConfig> Guided::propose(std::size_t limit) {
  Picker picker(*this);
  std::vector<std::size_t> picks;
  while (picks.size() < limit) {
    const std::size_t next = picker.next();
    if (next == candidates_.size()) break;
    picks.push_back(next);
  }
  for (std::size_t i : picks) proposed_[i] = 1;
  proposals_ += picks.size();
  return permuted(candidates_, picks);
}

void Guided::observe(std::span<const Scored> results) {
  for (const Scored& result : results) {
    const auto at = std::find(candidates_.begin(), candidates_.end(), result.config);
    if (at == candidates_.end()) continue;
    const auto i = static_cast<std::size_t>(at - candidates_.begin());
    measured_us_[i] = result.microseconds;
    const bool failed = !std::isfinite(result.microseconds);
    observations_.push_back({i, failed ? kFailureLogRatio : std::log(result.microseconds / predicted_us_[i])});
  }
  const std::vector<double> correction = fit_correction(grid_, observations_);
  for (std::size_t i = 0; i < expected_us_.size(); ++i) expected_us_[i] = predicted_us_[i] * std::exp(correction[i]);
}

}  // namespace ditune
