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
  if (const auto value = text::parse_number(text, extent.max); value && *value > 0) return *value;
  refuse(extent, text, text::is_too_large(text, extent.max) ? "too large" : "out of range");
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
      rest += (rest.empty() ? "" : ",") + std::string(part);
      continue;
    }
    std::int64_t& value = values[static_cast<std::size_t>(extent - extents.begin())];
    if (value != 0) throw UsageError(fmt::format("{} is given twice", extent->name), "leave one out");
    value = parse_extent(*extent, part.substr(extent->key.size()));
  }
  if (trailing_comma) throw UsageError("the operation ends in a comma", "leave it out");
  return rest;
}

}  // namespace ditune
