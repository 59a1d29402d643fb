// SPDX-License-Identifier: Apache-2.0
// The names of members, enumerators and types as the sources have them, so that no table repeats them. C++20 has no
// reflection; gcc and clang both spell a template argument out in __PRETTY_FUNCTION__.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace ditune {
namespace detail {

// "... [with auto kArgument = ditune::Staging::shared; ...]" -> "shared". A value without an enumerator is a cast,
// "(ditune::Staging)2", and becomes "2".
constexpr std::string_view last_name(std::string_view function) {
  constexpr std::string_view kBefore = "Argument = ";
  function.remove_prefix(function.find(kBefore) + kBefore.size());
  function = function.substr(0, function.find_first_of(";]"));
  return function.substr(function.find_last_of(":)&") + 1);
}

template <auto kArgument>
constexpr std::string_view name_of() {
  return last_name(__PRETTY_FUNCTION__);
}

template <class Enum, std::size_t... kIndex>
constexpr auto names_from(std::index_sequence<kIndex...>) {
  return std::array{name_of<static_cast<Enum>(kIndex)>()...};
}

constexpr bool is_number(std::string_view name) { return name[0] >= '0' && name[0] <= '9'; }

template <class Enum>
constexpr auto enumerator_names() {
  constexpr std::size_t kMost = 32;  // an enum with more fails to compile below
  constexpr auto kNames = names_from<Enum>(std::make_index_sequence<kMost + 1>{});
  constexpr auto kCount = static_cast<std::size_t>(std::ranges::find_if(kNames, is_number) - kNames.begin());
  static_assert(kCount >= 1 && kCount <= kMost, "enumerators are 0, 1, 2, ...");
  return names_from<Enum>(std::make_index_sequence<kCount>{});
}

template <class T, class Member>
T struct_of(Member T::*);
template <class T, class Member>
Member type_of(Member T::*);

}  // namespace detail

// Of &MmaS8Config::staging: MmaS8Config, and Staging.
template <auto kMember>
using StructOf = decltype(detail::struct_of(kMember));
template <auto kMember>
using TypeOf = decltype(detail::type_of(kMember));

// kMemberName<&MmaS8Config::tile_m> is "tile_m".
template <auto kMember>
inline constexpr std::string_view kMemberName = detail::name_of<kMember>();

// Of an enum whose values are 0, 1, 2, ...: its enumerators, in their order.
template <class Enum>
inline constexpr auto kEnumerators = detail::enumerator_names<Enum>();

// The one of a value, which is its word in text forms, too.
template <class Enum>
constexpr std::string_view enumerator(Enum value) {
  return kEnumerators<Enum>[static_cast<std::size_t>(value)];
}

template <class Argument>
constexpr std::string_view type_name() {
  return detail::last_name(__PRETTY_FUNCTION__);
}

}  // namespace ditune
