// SPDX-License-Identifier: Apache-2.0
// The guided strategy: the cost model ranks, measurement decides.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tuner/search/ranked.hpp"
#include "tuner/search/surrogate.hpp"

namespace ditune {

// First the seeds; then, one after another, the candidate that could be fastest: the model's time, corrected by what
// was measured of the like, less how uncertain that is. What is being measured counts as known, so that what is
// measured together is not all alike.
class Guided : public RankedStrategy {
 public:
  Guided(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
         std::span<const KernelConfig> seeds, std::uint64_t seed);

 private:
  void before_batch() override;
  std::size_t next() override;
  void when_proposed(std::size_t i) override { await(i); }
  void await(std::size_t i);

  std::size_t shapes_;  // how many there are
  Surrogate surrogate_;
  std::size_t told_ = 0;  // candidates that the surrogate knows of
};

}  // namespace ditune
