// The guided strategy: the cost model ranks, measurement decides.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tuner/correction.hpp"
#include "tuner/grid.hpp"
#include "tuner/search.hpp"

namespace ditune {

// First the seeds and the best by the model of each of the most promising (tile, warps); then, in turn, the most
// promising neighbour of a measured leader and the most promising of all, as the model sees them after correction by
// what was measured; now and then the best of a (tile, warps) that was never tried.
class Guided : public Strategy {
 public:
  // predicted_us: the model's, one a candidate. Candidates that the model holds equal are tried in an order that `seed`
  // draws.
  Guided(const std::vector<KernelConfig>& candidates, const std::vector<double>& predicted_us,
         std::span<const KernelConfig> seeds, std::uint64_t seed);
  std::size_t size() const override { return candidates_.size(); }
  std::vector<KernelConfig> propose(std::size_t limit) override;
  void observe(std::span<const Scored> results) override;

 private:
  class Picker;
  std::vector<std::size_t> leaders() const;
  void queue_openers(std::span<const KernelConfig> seeds);

  std::vector<KernelConfig> candidates_;  // best by the model first
  std::vector<double> predicted_us_;
  Grid grid_;
  std::vector<std::size_t> openers_;
  std::vector<char> proposed_;
  std::size_t proposals_ = 0;
  std::vector<double> measured_us_;  // 0: not known; infinite: failed
  std::vector<Observation> observations_;
  std::vector<double> expected_us_;  // the model's, corrected
};

}  // namespace ditune
