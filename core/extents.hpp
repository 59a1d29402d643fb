// SPDX-License-Identifier: Apache-2.0
// The sizes of an operation in its text form: "m=6144,k=4608".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ditune {

struct Extent {
  std::string_view name, key;  // "M", "m="
  std::int64_t max;
  std::string_view why;  // no more than that
};

[[noreturn]] void refuse(const Extent& extent, std::string_view value, std::string_view what);

// Throws UsageError unless each value is 1 to its extent's largest.
void check_extents(std::span<const Extent> extents, std::span<const std::int64_t> values);

// The sizes among key=value pairs, into `values`, which are zeros; returns the rest of the text. Throws UsageError on
// one that is not there, out of range or given twice.
std::string parse_extents(std::string_view text, std::span<const Extent> extents, std::span<std::int64_t> values);

}  // namespace ditune
