// The halving strategy: successive halving of shapes, the cost model choosing which take part.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tuner/grid.hpp"
#include "tuner/ranked.hpp"
#include "tuner/search.hpp"

namespace ditune {

// The 8 shapes (tile and warps) that the model holds for best are tried with one config each, the better half of them
// with two more, the better half of those with four, and so on, each with its best by the model. Then the next 8 take
// part.
class Halving : public Strategy {
 public:
  // predicted_us: the model's, one a candidate. Candidates that the model holds equal are tried in an order that `seed`
  // draws.
  Halving(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
          std::span<const KernelConfig> seeds, std::uint64_t seed);
  std::size_t size() const override { return ranked_.size(); }
  std::vector<KernelConfig> propose(std::size_t limit) override;
  void observe(std::span<const Scored> results) override;

 private:
  std::size_t next();
  bool begin_rung();
  double score(std::size_t shape) const;
  std::size_t best_of(std::size_t shape) const;

  Ranked ranked_;
  Grid grid_;
  std::vector<std::vector<std::size_t>> shapes_;  // their candidates; best by the model first, both
  std::size_t entered_ = 0;                       // shapes that took part
  std::vector<std::size_t> alive_;                // shapes
  std::size_t share_ = 0;                         // candidates of each that is alive, in this rung
  std::vector<std::size_t> tried_;                // of each that is alive: how many, in this rung
};

}  // namespace ditune
