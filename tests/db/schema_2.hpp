// SPDX-License-Identifier: Apache-2.0
// A database of the second schema.
#pragma once

#include <filesystem>
#include <string>

#include "db/sqlite.hpp"

namespace ditune::test {

// A file as the ditune of schema 2 wrote it: winners and trials of an H100, an RTX 3090 and an A10, of five epilogues;
// and sixteen rows that another program made invalid.
inline void write_schema_2(const std::filesystem::path& path) {
  std::filesystem::copy_file(DITUNE_SOURCE_DIR "/tests/db/data/schema_2.db", path);
  std::filesystem::permissions(path, std::filesystem::perms(0644));
}

// Without those of the rows that break a constraint of the tables, by which a file counts as damaged.
inline void write_sound_schema_2(const std::filesystem::path& path) {
  write_schema_2(path);
  Database db(path, Database::Mode::read_write);
  for (const std::string table : {"trials", "winners"})
    db.execute("DELETE FROM " + table +
               " WHERE median_us < 0 OR config_id NOT IN (SELECT id FROM configs) "
               "OR problem_id NOT IN (SELECT id FROM problems WHERE min(m, n, k) > 0)");
  db.execute("DELETE FROM problems WHERE min(m, n, k) <= 0");
}

}  // namespace ditune::test
