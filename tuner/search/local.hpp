// SPDX-License-Identifier: Apache-2.0
// The local strategy: hill climbing with restarts.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tuner/search/ranked.hpp"

namespace ditune {

// A climb starts at a seed or the best by the model of a (tile, warps) that was never tried, and tries the neighbours
// of the best that it has measured, best by the model first. Where all of them were tried, another climb starts.
class Local : public RankedStrategy {
 public:
  Local(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
        std::span<const KernelConfig> seeds, std::uint64_t seed);

 private:
  std::size_t next() override;
  void when_proposed(std::size_t i) override;
  void when_observed(std::size_t i) override;
  std::size_t neighbour(std::size_t of) const;
  std::size_t start() const;

  std::vector<std::size_t> tops_;   // of each climb: the best measured, or its start while nothing is
  std::vector<std::size_t> climb_;  // of each candidate: the one that proposed it
};

}  // namespace ditune
