// SPDX-License-Identifier: Apache-2.0
// Text that can be shown on a terminal and written as JSON: well-formed UTF-8 without control characters.
#pragma once

#include <string>
#include <string_view>

namespace ditune {

bool is_plain(std::string_view text);

// Each byte that keeps `text` from being plain becomes `instead`, a blank.
std::string to_plain(std::string_view text, std::string_view instead = " ");

// The same, but such a byte stays readable: "\x1b".
std::string escape(std::string_view text);

}  // namespace ditune
