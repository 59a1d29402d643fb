// SPDX-License-Identifier: Apache-2.0
#include "core/fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ditune/error.hpp"

namespace ditune {
namespace {

using text::KeyValue;

// The field's own of a struct's numbers.
template <class Number>
std::span<Number> of(const Field& field, std::span<Number> numbers) {
  return numbers.subspan(field.position, field.members.size());
}

// "MxNxK" of tile_m, tile_n, tile_k; "S" of stages.
std::string placeholder(const Field& field) {
  std::string letters;
  for (const std::string_view member : field.members)
    letters += (letters.empty() ? "" : "x") + std::string(1, field.members.size() > 1 ? member.back() : member.front());
  std::ranges::transform(letters, letters.begin(),
                         [](char c) { return c == 'x' ? c : static_cast<char>(c - 'a' + 'A'); });
  return letters;
}

// "16, 8, 4 or 1"
std::string alternatives(std::span<const int> values) {
  return fmt::format("{} or {}", fmt::join(values.first(values.size() - 1), ", "), values.back());
}

[[noreturn]] void refuse_value(const KeyValue& pair, int max, const std::string& remedy) {
  throw UsageError(text::are_extents_too_large(pair.value, max)
                       ? fmt::format("value '{}' of {} is too large", pair.value, pair.key)
                       : fmt::format("invalid value '{}' of {}", pair.value, pair.key),
                   remedy);
}

void parse_value(const Field& field, const KeyValue& pair, std::span<int> numbers) {
  if (!field.words.empty()) {
    numbers[0] = static_cast<int>(text::parse_word(pair, field.words));
    return;
  }
  const int max = field.traits.max, min = field.traits.min;
  std::vector<std::int64_t> extents(numbers.size());
  if (!text::parse_extents(pair.value, max, extents) || std::ranges::min(extents) < min)
    refuse_value(
        pair, max,
        fmt::format("write {}, each {} to {}", numbers.size() > 1 ? placeholder(field) : "a number", min, max));
  std::ranges::transform(extents, numbers.begin(), [](std::int64_t extent) { return static_cast<int>(extent); });
  if (!field.traits.values.empty() && std::ranges::find(field.traits.values, numbers[0]) == field.traits.values.end())
    refuse_value(pair, field.traits.max, "use " + alternatives(field.traits.values));
}

void require_all(std::span<const Field> fields, std::span<const KeyValue> pairs, std::string_view what) {
  std::vector<std::string> least;
  const Field* missing = nullptr;
  for (const Field& field : fields) {
    if (!field.traits.is_required) continue;
    least.push_back(fmt::format("{}={}", field.key, placeholder(field)));
    if (!missing && std::ranges::find(pairs, field.key, &KeyValue::key) == pairs.end()) missing = &field;
  }
  if (missing)
    throw UsageError(fmt::format("the {} lacks {}", what, missing->key),
                     fmt::format("write {} at least", fmt::join(least, ",")));
}

}  // namespace

std::vector<FieldText> field_texts(const FieldValues& values) {
  std::vector<FieldText> texts;
  for (const Field& field : values.fields) {
    const std::span its = of(field, std::span(values.numbers));
    if (std::ranges::equal(its, field.defaults) && !field.traits.is_required) continue;
    texts.push_back({&field, field.words.empty() ? fmt::format("{}", fmt::join(its, "x"))
                                                 : std::string(field.words[static_cast<std::size_t>(its[0])])});
  }
  return texts;
}

std::string format_fields(const FieldValues& values) {
  std::string text;
  for (const FieldText& its : field_texts(values))
    text.append(text.empty() ? "" : ",").append(its.field->key).append("=").append(its.value);
  return text;
}

std::vector<KeyValue> parse_fields(std::string_view text, std::string_view what, FieldValues& values) {
  std::vector<std::string_view> keys;
  for (const Field& field : values.fields) keys.push_back(field.key);
  std::vector<KeyValue> pairs = text::parse_key_values(text, what, keys);
  require_all(values.fields, pairs, what);
  for (const KeyValue& pair : pairs) {
    const Field& field = *std::ranges::find(values.fields, pair.key, &Field::key);
    parse_value(field, pair, of(field, std::span(values.numbers)));
  }
  return pairs;
}

std::vector<MemberLiteral> member_literals(const FieldValues& values) {
  std::vector<MemberLiteral> literals;
  for (const Field& field : values.fields)
    for (std::size_t i = 0; i < field.members.size(); ++i) {
      const int number = values.numbers[field.position + i];
      literals.push_back({field.members[i], field.words.empty()
                                                ? fmt::format("{}", number)
                                                : fmt::format("ditune::{}::{}", field.type,
                                                              field.words[static_cast<std::size_t>(number)])});
    }
  return literals;
}

std::string designated_initializers(const FieldValues& values) {
  // A line is full by what its fields take at most, an enum its longest word, a number one digit: so a config's lines
  // break alike whatever its values are.
  constexpr std::size_t kColumns = 110;
  std::vector<std::size_t> widths;
  for (const Field& field : values.fields) {
    std::size_t value = 1;
    for (const std::string_view word : field.words)
      value = std::max(value, fmt::formatted_size("ditune::{}::{}", field.type, word));
    for (const std::string_view member : field.members)
      widths.push_back(fmt::formatted_size(".{} = , ", member) + value);
  }
  std::string text;
  std::size_t column = 0;
  for (std::size_t i = 0; const MemberLiteral& its : member_literals(values)) {
    const bool fits = column + widths[i] <= kColumns;
    if (!text.empty()) text += fits ? ", " : ",\n    ";
    column = (fits ? column : 0) + widths[i++];
    text += fmt::format(".{} = {}", its.member, its.value);
  }
  return text;
}

}  // namespace ditune
