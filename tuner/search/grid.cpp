// SPDX-License-Identifier: Apache-2.0
#include "tuner/search/grid.hpp"

#include <map>
#include <string_view>
#include <utility>

namespace ditune {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

// "mma_s8:tile=64x64x64,stages=3" -> {family, mma_s8}, {tile, 64x64x64}, {stages, 3}
Fields fields(const KernelConfig& config) {
  const std::string text = format(config);
  const std::size_t colon = text.find(':');
  Fields result = {{"family", text.substr(0, colon)}};
  for (std::size_t begin = colon; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin + 1), text.size());
    const std::string field = text.substr(begin + 1, end - begin - 1);
    const std::size_t equals = field.find('=');
    result.emplace_back(field.substr(0, equals), field.substr(equals + 1));
    begin = end;
  }
  return result;
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
    std::string shape_name;
    std::vector<int>& point = grid.points.emplace_back(grid.dimensions.size(), 0);
    for (const auto& [key, value] : fields(config)) {
      const auto d = static_cast<std::size_t>(dimension(key));
      if (d == grid.dimensions.size()) {
        grid.dimensions.push_back(key);
        values.emplace_back();
        point.push_back(0);
      }
      point[d] = 1 + values[d](value);
      if (key == "family" || key == "tile" || key == "warps") shape_name += value + '/';
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
