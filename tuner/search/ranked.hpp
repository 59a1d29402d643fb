// SPDX-License-Identifier: Apache-2.0
// What the strategies have in common that start from the cost model's order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tuner/search/grid.hpp"
#include "tuner/search/search.hpp"

namespace ditune {

// Candidates, and what is known of each.
struct Ranked {
  std::vector<KernelConfig> configs;  // best by the model first; equals in an order that the seed drew
  std::vector<double> predicted_us;
  std::vector<char> taken;          // proposed or observed
  std::vector<double> measured_us;  // 0: not known; infinite: failed
  std::vector<std::size_t> seeds;   // of the seeds, those that are candidates, in their order

  std::size_t size() const { return configs.size(); }
  // size() if it is none of them.
  std::size_t index_of(const KernelConfig& config) const;
  bool is_sound(std::size_t i) const;  // whether it was measured and did not fail
};

// The seeds come first, in their order; a strategy of this kind says which candidate is next after them.
class RankedStrategy : public Strategy {
 public:
  // predicted_us: the model's, one a candidate. Candidates that the model holds equal are tried in an order that `seed`
  // draws.
  RankedStrategy(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
                 std::span<const KernelConfig> seeds, std::uint64_t seed);
  std::size_t size() const final { return ranked_.size(); }
  std::vector<KernelConfig> propose(std::size_t limit) final;
  void observe(std::span<const Scored> results) final;

 protected:
  Ranked ranked_;
  Grid grid_;

 private:
  virtual void before_batch() {}
  // Of those that are not taken; ranked_.size() if none is left.
  virtual std::size_t next() = 0;
  virtual void when_proposed(std::size_t) {}
  virtual void when_observed(std::size_t) {}
};

}  // namespace ditune
