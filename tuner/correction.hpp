// What measurements say about the cost model's error.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tuner/grid.hpp"

namespace ditune {

struct Observation {
  std::size_t candidate;
  double log_ratio;  // ln(measured / predicted)
};

// The expected ln(measured / predicted) of every candidate of the grid: a common factor, one of its shape (family, tile
// and warps) and one of each of its values, all fitted to the observations at once by ridge regression, so that a
// factor seen once counts half and one never seen is 1.
std::vector<double> fit_correction(const Grid& grid, std::span<const Observation> observations);

}  // namespace ditune
