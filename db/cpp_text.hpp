// SPDX-License-Identifier: Apache-2.0
// Text and bytes as C++17 literals that no content can break out of.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ditune {

// "...": one literal; what is not a plain printable ASCII character is an octal escape.
std::string string_literal(std::string_view text);

// The bytes as 64-bit numbers, in the order of a little-endian machine, several a line, each line behind `indent`; with
// at least one zero byte behind them. Compilers take a megabyte of this in a tenth of the time that single bytes take.
struct Words {
  std::size_t count = 0;
  std::string text;
};
Words words(std::string_view bytes, std::string_view indent);

// The longest text that every compiler takes as one string literal, adjacent ones together: ISO C++, Annex B.
inline constexpr std::size_t kLongestLiteral = 65535;

// The text as adjacent raw string literals, each of at most 8 KiB: readable as it is.
std::string raw_literals(std::string_view text);

}  // namespace ditune
