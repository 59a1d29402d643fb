// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share. A target is a file that defines LLVMFuzzerTestOneInput: libFuzzer calls it with made-up
// inputs, replay.cpp with the stored ones.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "ditune/error.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace ditune::fuzz {

// A property that an input breaks ends the program, under libFuzzer and in a test: nothing catches a logic_error.
inline void require(bool holds, const std::string& property) {
  if (!holds) throw std::logic_error(property);
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A message can be shown as it is, whatever was read.
inline void require_message(const Error& error) {
  const std::string_view message = error.what();
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  require(!message.empty() && std::ranges::none_of(message, is_control), "an error is one line");
}

// What `parse` returns, or nothing if it refuses with an error for users; any other exception goes through.
template <class Parse>
auto accepted(Parse&& parse) -> std::optional<decltype(parse())> {
  try {
    return parse();
  } catch (const UsageError& error) {
    require_message(error);
    return std::nullopt;
  }
}

}  // namespace ditune::fuzz
