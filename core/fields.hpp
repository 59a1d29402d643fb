// SPDX-License-Identifier: Apache-2.0
// One table per plain struct of numbers and enums. Text form, hash, C++ literals and the grid of a search come from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/cpp_names.hpp"
#include "core/text.hpp"
#include "ditune/members.hpp"

namespace ditune {

// A row: one key of the text form. It is named like its member; several sizes tile_m, tile_n are one key, tile=MxN.
template <auto... kMembers>
struct Row {
  int max = 0;                    // of a number: the largest legal value, small enough that products do not overflow
  std::span<const int> values{};  // of a number: the legal values, where they are fewer than 1 to `max`
  bool is_required = false;       // its default is no legal value: a text must have it
  bool is_shape = false;          // part of the shape of a tile
};

// template <> struct Fields<T> {
//   static constexpr std::tuple kRows{Row<&T::...>{...}, ...};  // all members, in their order
// };
template <class T>
struct Fields;

// A row without its types.
struct Field {
  std::string_view key;                       // "tile"
  std::span<const std::string_view> members;  // "tile_m", "tile_n", "tile_k"
  std::span<const int> defaults;              // the struct's own
  std::string_view type;                      // of an enum: "Staging"
  std::span<const std::string_view> words;    // of an enum: its enumerators
  int max = 0;
  std::span<const int> values;
  bool is_required = false;
  bool is_shape = false;

  // How many values each of its members can have.
  constexpr std::uint64_t cardinality() const { return words.empty() ? max + std::uint64_t{1} : words.size(); }
};

namespace detail {

template <auto kFirst, auto... kRest>
struct RowTexts {
  using Struct = StructOf<kFirst>;
  using Type = TypeOf<kFirst>;
  static constexpr std::array<std::string_view, 1 + sizeof...(kRest)> kNames{kMemberName<kFirst>,
                                                                             kMemberName<kRest>...};
  static constexpr std::array<int, 1 + sizeof...(kRest)> kDefaults{static_cast<int>(Struct{}.*kFirst),
                                                                   static_cast<int>(Struct{}.*kRest)...};
};

template <auto... kMembers>
constexpr Field field_of(const Row<kMembers...>& row) {
  using Texts = RowTexts<kMembers...>;
  std::string_view key = Texts::kNames[0];
  if (sizeof...(kMembers) > 1) key = key.substr(0, key.rfind('_'));
  Field field{.key = key,
              .members = Texts::kNames,
              .defaults = Texts::kDefaults,
              .type = {},
              .words = {},
              .max = row.max,
              .values = row.values,
              .is_required = row.is_required,
              .is_shape = row.is_shape};
  if constexpr (std::is_enum_v<typename Texts::Type>) {
    field.type = type_name<typename Texts::Type>();
    field.words = kEnumerators<typename Texts::Type>;
  }
  return field;
}

template <class T, auto... kMembers>
constexpr auto addresses(const T& value, const Row<kMembers...>&) {
  return std::array<const void*, sizeof...(kMembers)>{&(value.*kMembers)...};
}

// A member that is missing, or in another place than in the struct, would be lost in silence.
template <class T>
constexpr bool has_all_members() {
  const T value{};
  std::array<const void*, kMemberCount<T>> found{};
  std::size_t count = 0;
  const auto add = [&](const auto& row) {
    for (const void* address : addresses(value, row))
      if (count++ < found.size()) found[count - 1] = address;
  };
  std::apply([&](const auto&... row) { (add(row), ...); }, Fields<T>::kRows);
  std::apply([&](const auto&... member) { count += found == std::array<const void*, kMemberCount<T>>{&member...}; },
             members(value));
  return count == kMemberCount<T> + 1;
}

template <class T>
constexpr auto fields_of() {
  static_assert(has_all_members<T>(), "the rows of Fields<T> are not the members of T in their order");
  return std::apply([](const auto&... row) { return std::array{field_of(row)...}; }, Fields<T>::kRows);
}

}  // namespace detail

template <class T>
inline constexpr auto kFields = detail::fields_of<T>();

// The members as numbers, in their order.
template <class T>
using Numbers = std::array<int, kMemberCount<T>>;

template <class T>
constexpr Numbers<T> numbers_of(const T& value) noexcept {
  return std::apply([](const auto&... member) { return Numbers<T>{static_cast<int>(member)...}; }, members(value));
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
  std::size_t i = 0;
  for (const Field& field : kFields<T>)
    for (std::size_t end = i + field.members.size(); i < end; ++i) cardinalities[i] = field.cardinality();
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
  Numbers<T> numbers{};
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
  const Numbers<T> numbers = numbers_of(value);
  return {kFields<T>, {numbers.begin(), numbers.end()}};
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

// The word of an enum's value.
template <class Enum>
constexpr std::string_view enumerator(Enum value) {
  return kEnumerators<Enum>[static_cast<std::size_t>(value)];
}

}  // namespace ditune
