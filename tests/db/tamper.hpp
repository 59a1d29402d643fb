// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "db/sqlite.hpp"

namespace ditune::test {

// Changes a stored file as another program might, checks and types aside.
inline void tamper(const std::filesystem::path& path, const std::string& sql) {
  Database db(path, Database::Mode::read_write);
  db.execute("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; " + sql);
}

}  // namespace ditune::test
