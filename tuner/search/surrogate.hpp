// SPDX-License-Identifier: Apache-2.0
// What measurements say about the cost model's error, of the candidates that were not measured, too: a Gaussian
// process on top of the model.
#pragma once

#include <cstddef>
#include <vector>

#include "tuner/search/grid.hpp"

namespace ditune {

// A belief about ln(measured / predicted) of every candidate. Errors are alike where candidates are: all share some of
// it, those that have a value in common share more, and most those of one shape (family, tile and warps), the more the
// fewer of their other values differ.
class Surrogate {
 public:
  // The grid must outlive it.
  explicit Surrogate(const Grid& grid);
  void learn(std::size_t candidate, double log_ratio);
  // A measurement is under way: nothing is learned yet, but it will be.
  void await(std::size_t candidate);
  double mean(std::size_t candidate) const { return mean_[candidate]; }
  double deviation(std::size_t candidate) const;

 private:
  double covariance(std::size_t a, std::size_t b) const;
  void condition(std::size_t candidate, double surprise);

  const Grid* grid_;
  std::vector<double> mean_, variance_;
  std::vector<std::vector<double>> columns_;  // of the Cholesky factor: one for each candidate learned or awaited
};

}  // namespace ditune
