// SPDX-License-Identifier: Apache-2.0
// Candidates as points on a grid, whatever their family: a dimension for each key of the text form.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ditune/config.hpp"

namespace ditune {

struct Grid {
  std::vector<std::string> dimensions;   // "family" first, then every key that a candidate has
  std::vector<std::vector<int>> points;  // of each candidate: which value it has in each dimension; 0: the default
  std::vector<int> shapes;  // of each candidate: numbers alike where the family and the tile's shape are alike
};

Grid make_grid(std::span<const KernelConfig> configs);

// Whether two candidates differ in exactly one dimension.
bool are_neighbours(const Grid& grid, std::size_t a, std::size_t b);

}  // namespace ditune
