// The local strategy: hill climbing with restarts.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tuner/grid.hpp"
#include "tuner/ranked.hpp"
#include "tuner/search.hpp"

namespace ditune {

// A climb starts at a seed or the best by the model of a (tile, warps) that was never tried, and tries the neighbours
// of the best that it has measured, best by the model first. Where all of them were tried, another climb starts.
class Local : public Strategy {
 public:
  // predicted_us: the model's, one a candidate. Candidates that the model holds equal are tried in an order that `seed`
  // draws.
  Local(std::span<const KernelConfig> candidates, std::span<const double> predicted_us,
        std::span<const KernelConfig> seeds, std::uint64_t seed);
  std::size_t size() const override { return ranked_.size(); }
  std::vector<KernelConfig> propose(std::size_t limit) override;
  void observe(std::span<const Scored> results) override;

 private:
  std::size_t next();
  std::size_t neighbour(std::size_t of) const;
  std::size_t start() const;
  std::size_t begin_climb(std::size_t at);

  Ranked ranked_;
  Grid grid_;
  std::vector<std::size_t> tops_;   // of each climb: the best measured, or its start while nothing is
  std::vector<std::size_t> climb_;  // of each candidate: the one that proposed it
};

}  // namespace ditune
