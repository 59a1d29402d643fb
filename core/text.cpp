// SPDX-License-Identifier: Apache-2.0
#include "core/text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

#include "ditune/error.hpp"

namespace ditune::text {
namespace {

// The part of `text` before the first `separator`; `text` keeps what is behind it, or becomes empty.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

KeyValue split_pair(std::string_view part, std::string_view what) {
  const std::size_t equals = part.find('=');
  if (equals == std::string_view::npos)
    throw UsageError(fmt::format("'{}' in the {} is not key=value", part, what),
                     "separate key=value pairs with commas");
  return {part.substr(0, equals), part.substr(equals + 1)};
}

// Letters to insert, remove or replace until one is the other (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::vector<KeyValue> parse_key_values(std::string_view text, std::string_view what,
                                       std::span<const std::string_view> known_keys) {
  std::vector<KeyValue> pairs;
  const bool trailing_comma = text.ends_with(',');
  while (!text.empty()) {
    if (text.starts_with(','))
      throw UsageError(fmt::format("an entry of the {} is empty", what), "leave one comma out");
    const KeyValue pair = split_pair(take_until(text, ','), what);
    if (std::ranges::find(known_keys, pair.key) == known_keys.end())
      throw UsageError(fmt::format("unknown key '{}' in the {}", pair.key, what), "use " + join(known_keys));
    if (std::ranges::find(pairs, pair.key, &KeyValue::key) != pairs.end())
      throw UsageError(fmt::format("key '{}' is repeated in the {}", pair.key, what), "give each key once");
    pairs.push_back(pair);
  }
  if (trailing_comma) throw UsageError(fmt::format("the {} ends in a comma", what), "leave it out");
  return pairs;
}

std::optional<std::int64_t> parse_number(std::string_view text, std::int64_t max) {
  std::int64_t value = 0;
  if (!is_digits(text) || std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{} ||
      value > max)
    return std::nullopt;
  return value;
}

bool is_too_large(std::string_view text, std::int64_t max) { return is_digits(text) && !parse_number(text, max); }

bool are_extents_too_large(std::string_view text, std::int64_t max) {
  bool any = false;
  for (bool more = true; more;) {
    more = text.find('x') != std::string_view::npos;
    const std::string_view part = take_until(text, 'x');
    if (!is_digits(part)) return false;
    any = any || is_too_large(part, max);
  }
  return any;
}

bool parse_extents(std::string_view text, std::int64_t max, std::span<std::int64_t> out) {
  if (std::ranges::count(text, 'x') + 1 != static_cast<std::ptrdiff_t>(out.size())) return false;
  for (std::int64_t& extent : out) {
    const std::optional<std::int64_t> number = parse_number(take_until(text, 'x'), max);
    if (!number) return false;
    extent = *number;
  }
  return true;
}

std::size_t parse_word(const KeyValue& pair, std::span<const std::string_view> words) {
  const auto found = std::ranges::find(words, pair.value);
  if (found == words.end())
    throw UsageError(fmt::format("unknown value '{}' of {}", pair.value, pair.key), "use " + join(words));
  return static_cast<std::size_t>(found - words.begin());
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> words) {
  constexpr std::size_t kMistakes = 2;
  std::string_view found;
  std::size_t least = std::min(kMistakes + 1, word.size());
  for (const std::string_view other : words) {
    const std::size_t away = distance(word, other);
    if (away >= least) continue;
    least = away;
    found = other;
  }
  return found;
}

std::string counted(std::int64_t count, std::string_view thing) {
  const std::string_view plural = thing.ends_with("ch") ? "es" : "s";  // launches
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : plural);
}

std::string join(std::span<const std::string_view> words) { return fmt::format("{}", fmt::join(words, ", ")); }

}  // namespace ditune::text
