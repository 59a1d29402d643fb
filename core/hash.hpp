// SPDX-License-Identifier: Apache-2.0
// Hashes of what kernels are found by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <variant>

namespace ditune {

constexpr std::size_t mix(std::uint64_t hash, std::uint64_t field) noexcept {
  hash = (hash ^ field) * 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  return hash ^ hash >> 32;
}

// Whether two variants hold the same. Their own == may throw, in a state that plain structs never bring about.
template <class... T>
bool is_same(const std::variant<T...>& a, const std::variant<T...>& b) noexcept {
  const auto both_are = [&]<class Value>(std::type_identity<Value>) {
    const Value *value = std::get_if<Value>(&a), *other = std::get_if<Value>(&b);
    return value && other && *value == *other;
  };
  return (both_are(std::type_identity<T>{}) || ...);
}

}  // namespace ditune
