// SPDX-License-Identifier: Apache-2.0
// Hashes of what kernels are found by.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/epilogue_fields.hpp"

namespace ditune {

constexpr std::size_t mix(std::uint64_t hash, std::uint64_t field) noexcept {
  hash = (hash ^ field) * 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  return hash ^ hash >> 32;
}

// Different for any two epilogues.
constexpr std::uint64_t number_of(const Epilogue& epilogue) noexcept { return index_of(epilogue); }

}  // namespace ditune
