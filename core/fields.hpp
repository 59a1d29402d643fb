// SPDX-License-Identifier: Apache-2.0
// One table per plain struct of numbers and enums. Text form, hash, C++ literals and the grid of a search come from it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "core/cpp_names.hpp"
#include "core/text.hpp"
#include "ditune/members.hpp"

namespace ditune {

// What a table says of a field.
struct FieldTraits {
  int max = 0;                    // of a number: the largest legal value, small enough that products do not overflow
  int min = 1;                    // of a number: the smallest
  std::span<const int> values{};  // of a number: the legal values, where they are fewer than `min` to `max`
  bool is_required = false;       // its default is no legal value: a text must have it
  bool is_shape = false;          // part of the shape of a tile
};

// One key of the text form. It is named like its member; several sizes tile_m, tile_n are one key, tile=MxN.
struct Field {
  std::string_view key;                       // "tile"
  std::span<const std::string_view> members;  // "tile_m", "tile_n", "tile_k"
  std::span<const int> defaults;              // the struct's own
  std::size_t position = 0;                   // of the first of them in the struct
  std::string_view type;                      // of an enum: "Staging"
  std::span<const std::string_view> words;    // of an enum: its enumerators
  FieldTraits traits;

  // How many values each of its members can have.
  constexpr std::uint64_t cardinality() const { return words.empty() ? traits.max + std::uint64_t{1} : words.size(); }
};

// template <> struct Fields<T> {
//   static constexpr std::array kTable{field<&T::...>({...}), ...};  // all members, in their order
// };
template <class T>
struct Fields;

namespace detail {

template <auto... kMembers>
inline constexpr std::array<std::string_view, sizeof...(kMembers)> kNames{kMemberName<kMembers>...};
template <auto... kMembers>
inline constexpr std::array<int, sizeof...(kMembers)> kDefaults{static_cast<int>(StructOf<kMembers>{}.*kMembers)...};

// Where the members of a struct have these, which are neighbours; elsewhere than any if they are not.
template <auto kFirst, auto... kRest>
constexpr std::size_t position_of() {
  const StructOf<kFirst> value{};
  const auto all = std::apply(
      [](const auto&... member) { return std::array<const void*, sizeof...(member)>{&member...}; }, members(value));
  const std::array<const void*, 1 + sizeof...(kRest)> wanted{&(value.*kFirst), &(value.*kRest)...};
  return static_cast<std::size_t>(std::ranges::search(all, wanted).begin() - all.begin());
}

}  // namespace detail

template <auto kFirst, auto... kRest>
constexpr Field field(FieldTraits traits = {}) {
  Field field{.key = kMemberName<kFirst>,
              .members = detail::kNames<kFirst, kRest...>,
              .defaults = detail::kDefaults<kFirst, kRest...>,
              .position = detail::position_of<kFirst, kRest...>(),
              .type = {},
              .words = {},
              .traits = traits};
  if (sizeof...(kRest) > 0) field.key = field.key.substr(0, field.key.rfind('_'));
  if constexpr (std::is_enum_v<TypeOf<kFirst>>) {
    field.type = type_name<TypeOf<kFirst>>();
    field.words = kEnumerators<TypeOf<kFirst>>;
  }
  return field;
}

// A member that is missing, or in another place than in the struct, would be lost in silence.
template <class T>
constexpr bool has_all_members() {
  std::size_t next = 0;
  for (const Field& field : Fields<T>::kTable) {
    if (field.position != next) return false;
    next += field.members.size();
  }
  return next == kMemberCount<T>;
}

template <class T>
constexpr std::span<const Field> fields_of() {
  static_assert(has_all_members<T>(), "Fields<T> does not have the members of T in their order");
  return Fields<T>::kTable;
}

template <class T>
constexpr T from_numbers(std::span<const int> numbers) {
  T value;
  std::size_t i = 0;
  std::apply(
      [&](auto&... member) { ((member = static_cast<std::remove_reference_t<decltype(member)>>(numbers[i++])), ...); },
      members(value));
  return value;
}

// How many values each member can have.
template <class T>
inline constexpr auto kCardinalities = [] {
  std::array<std::uint64_t, kMemberCount<T>> cardinalities{};
  for (const Field& field : fields_of<T>())
    for (std::size_t i = 0; i < field.members.size(); ++i) cardinalities[field.position + i] = field.cardinality();
  return cardinalities;
}();

// How many values the struct can have; does not compile if that takes more than 64 bits.
template <class T>
inline constexpr std::uint64_t kCombinations = [] {
  std::uint64_t count = 1;
  for (const std::uint64_t cardinality : kCardinalities<T>)
    count = count <= UINT64_MAX / cardinality ? count * cardinality : throw "too many";
  return count;
}();

// Less than kCombinations and different for any two values; the last member counts fastest.
template <class T>
constexpr std::uint64_t index_of(const T& value) noexcept {
  static_assert(kCombinations<T> > 0);
  std::uint64_t index = 0;
  std::size_t i = 0;
  std::apply(
      [&](const auto&... member) {
        ((index = index * kCardinalities<T>[i++] + static_cast<std::uint64_t>(member)), ...);
      },
      members(value));
  return index;
}

template <class T>
constexpr T from_index(std::uint64_t index) {
  std::array<int, kMemberCount<T>> numbers{};
  for (std::size_t i = numbers.size(); i-- > 0; index /= kCardinalities<T>[i])
    numbers[i] = static_cast<int>(index % kCardinalities<T>[i]);
  return from_numbers<T>(numbers);
}

// Any such struct as what its table and its members say, without its type.
struct FieldValues {
  std::span<const Field> fields;
  std::vector<int> numbers;  // the members, in their order
};

template <class T>
FieldValues field_values(const T& value) {
  return std::apply(
      [](const auto&... member) {
        return FieldValues{fields_of<T>(), {static_cast<int>(member)...}};
      },
      members(value));
}

// A field's key and value in a text form: "tile", "128x256x64".
struct FieldText {
  const Field* field = nullptr;
  std::string value;
};

// Those that are not the default, in canonical order.
std::vector<FieldText> field_texts(const FieldValues& values);

// The same as "key=value,key=value".
std::string format_fields(const FieldValues& values);

// Keys in any order; `what` names the struct in errors: "config". Sets what the text has and returns its pairs. Throws
// UsageError on an unknown or repeated key, an illegal value, and where a field without a default is missing.
std::vector<text::KeyValue> parse_fields(std::string_view text, std::string_view what, FieldValues& values);

template <class T>
T parse_fields(std::string_view text, std::string_view what) {
  FieldValues values = field_values(T{});
  parse_fields(text, what, values);
  return from_numbers<T>(values.numbers);
}

// A member and its value in C++: "tile_m", "128"; "staging", "ditune::Staging::shared".
struct MemberLiteral {
  std::string_view member;
  std::string value;
};

// All members, in their order.
std::vector<MemberLiteral> member_literals(const FieldValues& values);

// The same as ".tile_m = 128, ...", in lines that break where they do whatever the values are.
std::string designated_initializers(const FieldValues& values);

}  // namespace ditune
