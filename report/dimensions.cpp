// SPDX-License-Identifier: Apache-2.0
#include "report/dimensions.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/config_fields.hpp"

namespace ditune::report {
namespace {

// Those of each family, from its default config.
template <std::size_t... kIndex>
std::vector<std::vector<DimensionValue>> all_dimensions(std::index_sequence<kIndex...>) {
  return {dimensions_of(KernelConfig(std::in_place_index<kIndex>))...};
}

std::vector<std::vector<DimensionValue>> families() {
  return all_dimensions(std::make_index_sequence<std::variant_size_v<KernelConfig>>());
}

bool has(const std::vector<DimensionValue>& values, std::string_view name) {
  return std::ranges::find(values, name, &DimensionValue::dimension) != values.end();
}

}  // namespace

std::vector<DimensionValue> dimensions_of(const KernelConfig& config) {
  std::vector<DimensionValue> values = {
      {"family", static_cast<int>(config.index()), std::string(family_name(config)), false}};
  const auto [fields, numbers] = std::visit([](const auto& c) { return field_values(c); }, config);
  std::size_t next = 0;
  for (const Field& field : fields)
    for (const std::string_view member : field.members) {
      const int number = numbers[next++];
      const bool is_word = !field.words.empty();
      values.push_back({member, number,
                        is_word ? std::string(field.words[static_cast<std::size_t>(number)]) : std::to_string(number),
                        field.traits.is_shape});
    }
  return values;
}

std::vector<std::string_view> dimension_names() {
  std::vector<std::string_view> names;
  for (const auto& family : families())
    for (const DimensionValue& value : family)
      if (std::ranges::find(names, value.dimension) == names.end()) names.push_back(value.dimension);
  return names;
}

bool is_of_one_family(const DimensionPair& pair) {
  return std::ranges::any_of(families(),
                             [&](const auto& family) { return has(family, pair.x) && has(family, pair.y); });
}

}  // namespace ditune::report
