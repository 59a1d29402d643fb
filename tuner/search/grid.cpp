// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/grid.hpp"

#include <map>
#include <string_view>
#include <utility>

#include "core/config_fields.hpp"

namespace ditune {
namespace {

std::vector<FieldText> texts_of(const KernelConfig& config) {
  return std::visit([](const auto& c) { return field_texts(field_values(c)); }, config);
}

// Numbers names in the order in which they appear.
class Numbering {
 public:
  int operator()(const std::string& name) {
    return numbers_.try_emplace(name, static_cast<int>(numbers_.size())).first->second;
  }

 private:
  std::map<std::string, int> numbers_;
};

}  // namespace

Grid make_grid(std::span<const KernelConfig> configs) {
  Grid grid;
  Numbering dimension, shape;
  std::vector<Numbering> values;
  for (const KernelConfig& config : configs) {
    std::vector<int>& point = grid.points.emplace_back(grid.dimensions.size(), 0);
    const auto set = [&](std::string_view key, const std::string& value) {
      const auto d = static_cast<std::size_t>(dimension(std::string(key)));
      if (d == grid.dimensions.size()) {
        grid.dimensions.emplace_back(key);
        values.emplace_back();
        point.push_back(0);
      }
      point[d] = 1 + values[d](value);
    };
    std::string shape_name(family_name(config));
    set("family", shape_name);
    for (const FieldText& its : texts_of(config)) {
      set(its.field->key, its.value);
      if (its.field->traits.is_shape) shape_name += '/' + its.value;
    }
    grid.shapes.push_back(shape(shape_name));
  }
  for (std::vector<int>& point : grid.points) point.resize(grid.dimensions.size(), 0);
  return grid;
}

bool are_neighbours(const Grid& grid, std::size_t a, std::size_t b) {
  int differences = 0;
  for (std::size_t d = 0; d < grid.dimensions.size(); ++d) differences += grid.points[a][d] != grid.points[b][d];
  return differences == 1;
}

}  // namespace ditune
