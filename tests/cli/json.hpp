// SPDX-License-Identifier: Apache-2.0
// What commands print with --json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "cli/program.hpp"

using Json = nlohmann::json;

// One JSON document and nothing else.
inline Json json_of(const Outcome& outcome) {
  CAPTURE(outcome.err, outcome.out);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.err.empty());
  return Json::parse(outcome.out);
}

inline void check_fields(const Json& row, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    CAPTURE(name, row.dump());
    CHECK(row.contains(name));
  }
}
