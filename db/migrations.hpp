// SPDX-License-Identifier: Apache-2.0
// The schema by version.
#pragma once

#include <span>
#include <string_view>

#include "db/sqlite.hpp"

namespace ditune {

// migrations()[v] is the SQL that takes a database from version v to v + 1; version 0 is an empty one.
std::span<const std::string_view> migrations();

// The version of a database. Throws DbError{unusable} if it is not ours or newer than `newest`.
int schema_version(const Database& db, std::size_t newest);

// Brings an empty or older database to the newest version, in one transaction; two processes may do so at once.
void migrate(Database& db, std::span<const std::string_view> migrations);

// Whether the tables have the columns and the unique keys that migrate() gives them; others may be beside them.
bool has_newest_schema(const Database& db);

}  // namespace ditune
