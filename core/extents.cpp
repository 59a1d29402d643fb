// SPDX-License-Identifier: Apache-2.0
#include "core/extents.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

// 1 to the largest.
std::int64_t parse_extent(const Extent& extent, std::string_view text) {
  const auto value = text::parse_number(text, extent.max);
  if (value && *value > 0) return *value;
  if (value) refuse(extent, text, "out of range");
  if (text::is_too_large(text, extent.max)) refuse(extent, text, "too large");
  throw UsageError(fmt::format("{} cannot be '{}'", extent.name, text), "give a whole number");
}

// "M=16" or " m=16", which would be an unknown key of what follows the sizes.
bool is_misspelled(std::string_view part, const Extent& extent) {
  part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
  return part.substr(0, extent.key.size()) == std::string(extent.name) + "=" || part.starts_with(extent.key);
}

}  // namespace

void refuse(const Extent& extent, std::string_view value, std::string_view what) {
  throw UsageError(fmt::format("{} = {} is {}", extent.name, value, what),
                   fmt::format("give 1 to {}: {}", extent.max, extent.why));
}

void check_extents(std::span<const Extent> extents, std::span<const std::int64_t> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] > extents[i].max) refuse(extents[i], std::to_string(values[i]), "too large");
    if (values[i] < 1) refuse(extents[i], std::to_string(values[i]), "out of range");
  }
}

std::string parse_extents(std::string_view text, std::span<const Extent> extents, std::span<std::int64_t> values) {
  std::string rest;
  const bool trailing_comma = text.ends_with(',');
  while (!text.empty()) {
    if (text.starts_with(',')) throw UsageError("an entry of the operation is empty", "leave one comma out");
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const auto extent = std::ranges::find_if(extents, [&](const Extent& e) { return part.starts_with(e.key); });
    if (extent == extents.end()) {
      for (const Extent& meant : extents)
        if (is_misspelled(part, meant))
          throw UsageError(fmt::format("unknown key '{}' in the operation", part.substr(0, part.find('='))),
                           fmt::format("write {}NUMBER", meant.key));
      rest += (rest.empty() ? "" : ",") + std::string(part);
      continue;
    }
    std::int64_t& value = values[static_cast<std::size_t>(extent - extents.begin())];
    if (value != 0) throw UsageError(fmt::format("{} is given twice", extent->name), "leave one out");
    value = parse_extent(*extent, part.substr(extent->key.size()));
  }
  if (trailing_comma) throw UsageError("the operation ends in a comma", "leave it out");
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] == 0)
      throw UsageError(fmt::format("the operation has no {}", extents[i].name),
                       fmt::format("give {}NUMBER", extents[i].key));
  return rest;
}

}  // namespace ditune
