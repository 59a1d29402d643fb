// SPDX-License-Identifier: Apache-2.0
// A config as values of named dimensions, whatever its family.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ditune/config.hpp"

namespace ditune::report {

struct DimensionValue {
  std::string_view dimension;  // "tile_m"
  int number = 0;              // by which values are sorted
  std::string text;            // "128", "shared"
  bool is_shape = false;       // part of the shape of a tile
};

// Its family first.
std::vector<DimensionValue> dimensions_of(const KernelConfig& config);

// Of all families, each name once.
std::vector<std::string_view> dimension_names();

// What a heat map is asked to show.
struct DimensionPair {
  std::string x, y;
};

// Whether the configs of any family have both.
bool is_of_one_family(const DimensionPair& pair);

}  // namespace ditune::report
