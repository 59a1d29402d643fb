// SPDX-License-Identifier: Apache-2.0
#include "core/plain_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace ditune {
namespace {

// Bytes of the plain character that `text` starts with, 0 if it starts with none. RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF.
std::size_t plain_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  std::uint32_t point = lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return 0;
    point = point << 6 | (next & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0xa0, 0x800, 0x10000};  // of that length; U+0080 to U+009F are controls
  if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return 0;
  return length;
}

// `text`, with what `replace` makes of each byte that keeps it from being plain.
template <class Replace>
std::string replaced(std::string_view text, const Replace& replace) {
  std::string plain;
  while (!text.empty()) {
    const std::size_t length = plain_length(text);
    if (length > 0)
      plain += text.substr(0, length);
    else
      plain += replace(text.front());
    text.remove_prefix(length > 0 ? length : 1);
  }
  return plain;
}

}  // namespace

bool is_plain(std::string_view text) {
  while (true) {
    // Nearly always all of it.
    const auto other = std::ranges::find_if_not(text, [](char c) { return c >= 0x20 && c < 0x7f; });
    text.remove_prefix(static_cast<std::size_t>(other - text.begin()));
    if (text.empty()) return true;
    const std::size_t length = plain_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
}

std::string to_plain(std::string_view text, std::string_view instead) {
  return replaced(text, [=](char) { return instead; });
}

std::string escape(std::string_view text) {
  return replaced(text, [](char c) { return fmt::format("\\x{:02x}", static_cast<unsigned char>(c)); });
}

}  // namespace ditune
