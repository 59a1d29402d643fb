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

// Digits alone, at most `max`; nothing else is a number. Empty if it is not one.
std::optional<std::int64_t> parse_number(std::string_view text, std::int64_t max);

// Digits alone, of a number above `max`.
bool is_too_large(std::string_view text, std::int64_t max);

// Numbers separated by 'x', of which one is above `max`.
bool are_extents_too_large(std::string_view text, std::int64_t max);

// Numbers separated by 'x', as many as `out` holds, each at most `max`; false if the text is anything else.
bool parse_extents(std::string_view text, std::int64_t max, std::span<std::int64_t> out);

// The index of `value` among `words`, which stand in the order of an enum's values. Throws UsageError naming key and
// words.
std::size_t parse_word(const KeyValue& pair, std::span<const std::string_view> words);

// The first of the `words` that are nearest to `word` by letters to insert, remove or replace, for "did you mean";
// empty if that takes more than two, or replaces all of it.
std::string_view nearest(std::string_view word, std::span<const std::string_view> words);

// "1 row", "2 rows"
std::string counted(std::int64_t count, std::string_view thing);

// "a, b, c"
std::string join(std::span<const std::string_view> words);

}  // namespace ditune::text
