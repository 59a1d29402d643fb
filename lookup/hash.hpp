// SPDX-License-Identifier: Apache-2.0
// Hashes of what kernels are found by.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ditune/epilogue.hpp"

namespace ditune {

constexpr std::size_t mix(std::uint64_t hash, std::uint64_t field) noexcept {
  hash = (hash ^ field) * 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  return hash ^ hash >> 32;
}

// Different for any two epilogues.
constexpr std::uint64_t number_of(const Epilogue& e) noexcept {
  std::uint64_t number = 0;
  for (const auto word : {static_cast<int>(e.sx), static_cast<int>(e.sw), static_cast<int>(e.bias),
                          static_cast<int>(e.op), static_cast<int>(e.out)})
    number = number << 8 | static_cast<std::uint64_t>(word);
  return number;
}

}  // namespace ditune
