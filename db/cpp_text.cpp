// SPDX-License-Identifier: Apache-2.0
#include "db/cpp_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <ranges>

namespace ditune {
namespace {

// Three digits: what follows cannot become part of it.
void append_octal(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += '\\';
  for (const int shift : {6, 3, 0}) out += static_cast<char>('0' + (byte >> shift & 7));
}

bool is_harmless(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '?'; }  // "??/" is a trigraph

}  // namespace

std::string string_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (is_harmless(c))
      out += c;
    else
      append_octal(out, c);
  }
  return out += '"';
}

Words words(std::string_view bytes, std::string_view indent) {
  constexpr std::size_t kLine = 5;
  Words its{bytes.size() / sizeof(std::uint64_t) + 1, {}};
  for (std::size_t i = 0; i < its.count; ++i) {
    std::uint64_t word = 0;
    for (const char c : bytes.substr(i * sizeof word, sizeof word) | std::views::reverse)
      word = word << 8 | static_cast<unsigned char>(c);
    if (i % kLine == 0) its.text.append(i == 0 ? "" : "\n").append(indent);
    fmt::format_to(std::back_inserter(its.text), "{:#x},", word);
  }
  return its;
}

std::string raw_literals(std::string_view text) {
  constexpr std::size_t kLongest = 8192;
  std::string delimiter = "cuda";
  while (text.find(")" + delimiter + "\"") != std::string_view::npos) delimiter += '_';
  std::string out;
  do {
    // Between lines where there is a line to end.
    std::size_t length = std::min(text.size(), kLongest);
    if (const std::size_t line = text.substr(0, length).rfind('\n'); length < text.size() && line != text.npos)
      length = line + 1;
    out += (out.empty() ? "R\"" : "\nR\"") + delimiter + "(";
    out.append(text.substr(0, length)).append(")").append(delimiter).append("\"");
    text.remove_prefix(length);
  } while (!text.empty());
  return out;
}

}  // namespace ditune
