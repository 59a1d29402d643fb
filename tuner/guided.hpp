// The guided strategy: the cost model ranks, measurement decides.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tuner/grid.hpp"
#include "tuner/ranked.hpp"
#include "tuner/search.hpp"
#include "tuner/surrogate.hpp"

namespace ditune {

// First the seeds; then, one after another, the candidate that could be fastest: the model's time, corrected by what
// was measured of the like, less how uncertain that is. What is being measured counts as known, so that what is
// measured together is not all alike.
class Guided : public Strategy {
 public:
  // predicted_us: the model's, one a candidate. Candidates that the model holds equal are tried in an order that `seed`
  // draws.
  Guided(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
         std::span<const KernelConfig> seeds, std::uint64_t seed);
  std::size_t size() const override { return ranked_.size(); }
  std::vector<KernelConfig> propose(std::size_t limit) override;
  void observe(std::span<const Scored> results) override;

 private:
  std::size_t next(const Surrogate& surrogate) const;

  Ranked ranked_;
  Grid grid_;
  std::size_t shapes_;  // how many there are
};

}  // namespace ditune
