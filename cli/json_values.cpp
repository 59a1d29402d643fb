// SPDX-License-Identifier: Apache-2.0
#include "cli/json_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ditune::cli {
namespace {

constexpr int kMostNested = 16;

std::string shown(const Json& value) {
  constexpr std::size_t kMostShown = 40;
  const std::string all = value.dump();
  return all.size() > kMostShown ? "a long value" : all;
}

[[noreturn]] void refuse(const Json& value, const char* key, const char* type) {
  throw Refused{fmt::format("{} is {}, no {}", key, shown(value), type)};
}

// "line 3, column 5" of the byte, which is counted from 1.
std::string place_of(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, byte == 0 ? 0 : byte - 1);
  const std::size_t begin = before.rfind('\n') + 1;  // of its line
  return fmt::format("line {}, column {}", 1 + std::ranges::count(before, '\n'), before.size() - begin + 1);
}

}  // namespace

Json parse_json(std::string_view text) {
  const auto check_depth = [](int depth, Json::parse_event_t, const Json&) {
    if (depth > kMostNested) throw Refused{fmt::format("it is nested deeper than {} levels", kMostNested)};
    return true;
  };
  try {
    return Json::parse(text, check_depth);
  } catch (const Json::parse_error& error) {
    throw Refused{text.empty() ? "it is empty" : "it is no JSON at " + place_of(text, error.byte)};
  } catch (const Json::out_of_range&) {
    throw Refused{"it has a number that is too large"};
  }
}

const Json& member(const Json& json, const char* key) {
  if (!json.is_object()) throw Refused{fmt::format("{} is no object that has {}", shown(json), key)};
  const auto value = json.find(key);
  if (value == json.end()) throw Refused{fmt::format("there is no {}", key)};
  return *value;
}

const Json::array_t& list_at(const Json& json, const char* key) { return as_list(member(json, key), key); }

std::string text_at(const Json& json, const char* key) { return as_text(member(json, key), key); }

double positive(const Json& json, const char* key) {
  const double value = as_number(member(json, key), key);
  if (!(value > 0) || !std::isfinite(value)) throw Refused{fmt::format("{} is {}", key, value)};
  return value;
}

const Json* known(const Json& json, const char* key) {
  const auto value = json.find(key);
  return value == json.end() || value->is_null() ? nullptr : &*value;
}

std::optional<std::string> text_of(const Json& json, const char* key) {
  const Json* const value = known(json, key);
  return value ? std::optional(as_text(*value, key)) : std::nullopt;
}

std::optional<double> number_of(const Json& json, const char* key) {
  const Json* const value = known(json, key);
  return value ? std::optional(as_number(*value, key)) : std::nullopt;
}

std::optional<double> amount_of(const Json& json, const char* key) {
  const auto amount = number_of(json, key);
  if (amount && *amount < 0) throw Refused{fmt::format("{} is {}", key, *amount)};
  return amount;
}

std::optional<std::int64_t> count_of(const Json& json, const char* key) {
  const Json* const value = known(json, key);
  return value ? std::optional(as_whole(*value, key)) : std::nullopt;
}

bool flag(const Json& json, const char* key, bool otherwise) {
  const Json* const value = known(json, key);
  if (value && !value->is_boolean()) refuse(*value, key, "true or false");
  return value ? value->get<bool>() : otherwise;
}

std::string as_text(const Json& value, const char* key) {
  if (!value.is_string()) refuse(value, key, "text");
  return value.get<std::string>();
}

double as_number(const Json& value, const char* key) {
  if (!value.is_number()) refuse(value, key, "number");
  return value.get<double>();
}

std::int64_t as_whole(const Json& value, const char* key) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0) refuse(value, key, "whole number");
  return value.get<std::int64_t>();
}

const Json::array_t& as_list(const Json& value, const char* key) {
  if (!value.is_array()) refuse(value, key, "list");
  return value.get_ref<const Json::array_t&>();
}

const Json::object_t& as_object(const Json& value, const char* key) {
  if (!value.is_object()) refuse(value, key, "object");
  return value.get_ref<const Json::object_t&>();
}

}  // namespace ditune::cli
