// SPDX-License-Identifier: Apache-2.0
// The pieces that the text forms share: "key=value,key=value", "AxBxC", words of an enum.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ditune::text {

struct KeyValue {
  std::string_view key, value;
};

// Splits at commas, then at the first '='. `what` names the whole in errors: "config". Throws UsageError on a part
// without
// '=', an unknown key (naming the known ones) and a repeated key.
std::vector<KeyValue> parse_key_values(std::string_view text, std::string_view what,
                                       std::span<const std::string_view> known_keys);

// The same of a config, in which `required` keys must be; `least` is what to write at least.
std::vector<KeyValue> parse_config_keys(std::string_view text, std::span<const std::string_view> known_keys,
                                        std::span<const std::string_view> required, std::string_view least);

// Says whether a number in the value is above `max`.
[[noreturn]] void refuse_value(const KeyValue& pair, std::int64_t max, std::string_view remedy);

// Digits alone, at most `max`; nothing else is a number. Empty if it is not one.
std::optional<std::int64_t> parse_number(std::string_view text, std::int64_t max);

// Digits alone, of a number above `max`.
bool is_too_large(std::string_view text, std::int64_t max);

// Numbers separated by 'x', of which one is above `max`.
bool are_extents_too_large(std::string_view text, std::int64_t max);

// Numbers separated by 'x', as many as `out` holds, each at most `max`; false if the text is anything else.
bool parse_extents(std::string_view text, std::int64_t max, std::span<std::int64_t> out);

// The sizes of a config, each 1 to `max`, which an int holds. Throws UsageError naming the key and `form`: "MxN".
template <std::size_t N>
std::array<int, N> parse_sizes(const KeyValue& pair, std::int64_t max, std::string_view form) {
  std::array<std::int64_t, N> extents{};
  if (!parse_extents(pair.value, max, extents) || std::ranges::find(extents, 0) != extents.end())
    refuse_value(pair, max, fmt::format("write {}, each 1 to {}", form, max));
  std::array<int, N> sizes{};
  std::ranges::transform(extents, sizes.begin(), [](std::int64_t extent) { return static_cast<int>(extent); });
  return sizes;
}

inline int parse_count(const KeyValue& pair, std::int64_t max) { return parse_sizes<1>(pair, max, "a number")[0]; }

// The index of `value` among `words`, which stand in the order of an enum's values. Throws UsageError naming key and
// words.
std::size_t parse_word(const KeyValue& pair, std::span<const std::string_view> words);

template <class Enum>
Enum parse_enum(const KeyValue& pair, std::span<const std::string_view> words) {
  return static_cast<Enum>(parse_word(pair, words));
}

template <class Enum>
std::string_view word(Enum value, std::span<const std::string_view> words) {
  return words[static_cast<std::size_t>(value)];
}

// The first of the `words` that are nearest to `word` by letters to insert, remove or replace, for "did you mean";
// empty if that takes more than two, or replaces all of it.
std::string_view nearest(std::string_view word, std::span<const std::string_view> words);

// "1 row", "2 rows"
std::string counted(std::int64_t count, std::string_view thing);

// "a, b, c"
std::string join(std::span<const std::string_view> words);

}  // namespace ditune::text
