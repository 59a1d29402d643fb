// SPDX-License-Identifier: Apache-2.0
// SQL that another program might have run on a database: values of any kind in any column, rows without what they refer
// to, tables of another form. Of schema 1 or 2 if it begins with "-- schema 1" or "-- schema 2".
#include <sqlite3.h>

#include <filesystem>

#include "databases.hpp"
#include "db/fixtures.hpp"
#include "db/sqlite.hpp"
#include "db/store.hpp"
#include "ditune/error.hpp"
#include "fuzz.hpp"

using namespace ditune;

namespace {

// Nothing outside of the file, and of settings only the one that opens the schema.
// NOLINTNEXTLINE(readability-function-size): SQLite's parameters
int authorize(void*, int action, const char* name, const char*, const char*, const char*) {
  if (action == SQLITE_ATTACH || action == SQLITE_DETACH) return SQLITE_DENY;
  if (action == SQLITE_PRAGMA && name != std::string_view("writable_schema")) return SQLITE_DENY;
  return SQLITE_OK;
}

int give_up(void*) { return 1; }

// Runs with tables that take every value, which are then as strict as before.
void edit(const std::filesystem::path& path, std::string_view sql) {
  Database db(path, Database::Mode::read_write);
  db.execute(R"sql(
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;
    CREATE TEMP TABLE forms AS SELECT sql AS strict,
      replace(replace(replace(sql, 'IS NOT NULL', 'NOTNULL'), ' NOT NULL', ''), ' STRICT', '') AS loose
      FROM sqlite_schema WHERE sql IS NOT NULL;
    PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = (SELECT loose FROM forms WHERE strict = sql);
    PRAGMA writable_schema = RESET;
  )sql");
  constexpr int kMostBytes = 100'000, kMostSteps = 100'000;
  sqlite3_limit(db.get(), SQLITE_LIMIT_LENGTH, kMostBytes);
  sqlite3_progress_handler(db.get(), kMostSteps, give_up, nullptr);
  sqlite3_set_authorizer(db.get(), authorize, nullptr);
  try {
    db.execute(sql);
  } catch (const DbError&) {
    // Of what is no SQL, the statements before it.
  }
  sqlite3_set_authorizer(db.get(), nullptr, nullptr);
  sqlite3_progress_handler(db.get(), 0, nullptr, nullptr);
  try {
    db.execute(R"sql(
      PRAGMA writable_schema = ON;
      UPDATE main.sqlite_schema SET sql = (SELECT strict FROM temp.forms WHERE loose = sql)
        WHERE sql IN (SELECT loose FROM temp.forms);
    )sql");
  } catch (const DbError&) {
    // The SQL took the tables away.
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string samples[] = {fuzz::sample_database(1), fuzz::sample_database(2), fuzz::sample_database(3)};
  const std::string_view sql = fuzz::text_of(data, size);
  const int schema = sql.starts_with("-- schema 1") ? 1 : sql.starts_with("-- schema 2") ? 2 : kSchemaVersion;
  const test::TempFolder folder;
  test::write_file(folder / "t.db", samples[schema - 1]);
  edit(folder / "t.db", sql);
  fuzz::use_database(test::read_file(folder / "t.db"));
  return 0;
}
