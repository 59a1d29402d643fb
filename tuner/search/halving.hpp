// SPDX-License-Identifier: Apache-2.0
// The halving strategy: successive halving of shapes, the cost model choosing which take part.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tuner/search/ranked.hpp"

namespace ditune {

// The 8 shapes (tile and warps) that the model holds for best are tried with one config each, the better half of them
// with two more, the better half of those with four, and so on, each with its best by the model. Then the next 8 take
// part.
class Halving : public RankedStrategy {
 public:
  Halving(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
          std::span<const KernelConfig> seeds, std::uint64_t seed);

 private:
  std::size_t next() override;
  bool begin_rung();
  double score(std::size_t shape) const;
  std::size_t best_of(std::size_t shape) const;

  std::vector<std::vector<std::size_t>> shapes_;  // their candidates; best by the model first, both
  std::size_t entered_ = 0;                       // shapes that took part
  std::vector<std::size_t> alive_;                // shapes
  std::size_t share_ = 0;                         // candidates of each that is alive, in this rung
  std::vector<std::size_t> tried_;                // of each that is alive: how many, in this rung
};

}  // namespace ditune
