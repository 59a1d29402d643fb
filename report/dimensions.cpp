// SPDX-License-Identifier: Apache-2.0
#include "report/dimensions.hpp"

#include <variant>

#include "core/config_fields.hpp"

namespace ditune::report {

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

}  // namespace ditune::report
