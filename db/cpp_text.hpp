// Text and bytes as C++17 literals that no content can break out of.
#pragma once

#include <string>
#include <string_view>

namespace ditune {

// "...": one literal; what is not a plain printable ASCII character is an octal escape.
std::string string_literal(std::string_view text);

// The bytes as adjacent string literals, one a line, each line behind `indent`; with the terminating zero, one byte
// more than `bytes`. Compilers take megabytes of this where a list of numbers takes them minutes.
std::string byte_literals(std::string_view bytes, std::string_view indent);

// The text as adjacent raw string literals, each below the length that every compiler takes: readable as it is.
std::string raw_literals(std::string_view text);

}  // namespace ditune
