// SPDX-License-Identifier: Apache-2.0
// Reads values from JSON files, which may be wrong in any way. Errors name the key and the value in the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/output.hpp"

namespace ditune::cli {

// What is wrong with a file.
struct Refused {
  std::string why;
};

// All functions throw Refused. A file that is nested deeper than any of ditune's is refused while it is parsed, so that
// it cannot take all memory.
Json parse_json(std::string_view text);

// A member that must be there, and of this type.
const Json& member(const Json& json, const char* key);
const Json::array_t& list_at(const Json& json, const char* key);
std::string text_at(const Json& json, const char* key);
double positive(const Json& json, const char* key);  // finite, above 0

// Nothing where it is not there or null: formats grow, and what an older program did not write is not known.
const Json* known(const Json& json, const char* key);
std::optional<std::string> text_of(const Json& json, const char* key);
std::optional<double> number_of(const Json& json, const char* key);  // finite
std::optional<double> amount_of(const Json& json, const char* key);  // and not below 0
std::optional<std::int64_t> count_of(const Json& json, const char* key);
bool flag(const Json& json, const char* key, bool otherwise);

// The value of `key`, as a type.
std::string as_text(const Json& value, const char* key);
double as_number(const Json& value, const char* key);
std::int64_t as_whole(const Json& value, const char* key);  // 0 or more
const Json::array_t& as_list(const Json& value, const char* key);
const Json::object_t& as_object(const Json& value, const char* key);

}  // namespace ditune::cli
