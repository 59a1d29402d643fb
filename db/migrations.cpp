// SPDX-License-Identifier: Apache-2.0
#include "db/migrations.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "db/store.hpp"
#include "ditune/error.hpp"
#include "embedded_files.hpp"

namespace ditune {

namespace {

// While tables are made anew: rows that break a constraint, which another program may have left, move with the others.
class ConstraintsOff {
 public:
  explicit ConstraintsOff(Database& db) : db_(db) {
    db_.execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON");
  }
  ConstraintsOff(const ConstraintsOff&) = delete;
  ConstraintsOff& operator=(const ConstraintsOff&) = delete;
  ~ConstraintsOff() {
    sqlite3_exec(db_.get(), "PRAGMA foreign_keys = ON; PRAGMA ignore_check_constraints = OFF", nullptr, nullptr,
                 nullptr);
  }

 private:
  Database& db_;
};

// The tables, their columns and their unique keys, a line each.
std::set<std::string> forms(const Database& db) {
  Statement statement(db,
                      "WITH own AS (SELECT name, strict FROM pragma_table_list "
                      "WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!') "
                      "SELECT printf('%s strict=%d', name, strict) FROM own "
                      "UNION ALL SELECT printf('%s.%s %s %d %d', own.name, c.name, c.type, c.\"notnull\", c.pk) "
                      "FROM own, pragma_table_info(own.name) AS c "
                      "UNION ALL SELECT printf('%s.%s %d', i.name, c.name, c.seqno) "
                      "FROM own, pragma_index_list(own.name) AS i, pragma_index_info(i.name) AS c WHERE i.\"unique\"");
  std::set<std::string> lines;
  while (statement.step()) lines.emplace(statement.text(0).value_or(""));
  return lines;
}

}  // namespace

std::span<const std::string_view> migrations() {
  static const std::array all{embedded_text(kEmbeddedFiles, "schema_1.sql"),
                              embedded_text(kEmbeddedFiles, "schema_2.sql"),
                              embedded_text(kEmbeddedFiles, "schema_3.sql")};
  static_assert(all.size() == kSchemaVersion);
  return all;
}

int schema_version(const Database& db, std::size_t newest) {
  // In this order: another process may be making the database, and its id comes with its tables.
  const bool empty = db.integer("SELECT count(*) FROM sqlite_schema") == 0;
  const std::int64_t application = db.integer("PRAGMA application_id");
  const std::int64_t version = db.integer("PRAGMA user_version");
  if (application != kApplicationId && !(empty && application == 0))
    throw DbError(DbError::Kind::unusable, db.name() + " is a database of another program", "name another file");
  if (version < 0 || version > static_cast<std::int64_t>(newest))
    throw DbError(DbError::Kind::unusable,
                  fmt::format("{} has schema {}, this ditune knows up to {}", db.name(), version, newest),
                  "update ditune, or name another file");
  return static_cast<int>(version);
}

void migrate(Database& db, std::span<const std::string_view> migrations) {
  const auto is_newest = [&](int version) { return version == static_cast<int>(migrations.size()); };
  if (is_newest(schema_version(db, migrations.size()))) return;
  const ConstraintsOff constraints_off(db);  // outside of the transaction, where it would change nothing
  Transaction transaction(db);
  const int version = schema_version(db, migrations.size());  // another process may have been faster
  for (const std::string_view sql : migrations.subspan(static_cast<std::size_t>(version))) db.execute(sql);
  db.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, migrations.size()));
  transaction.commit();
}

bool has_newest_schema(const Database& db) {
  Database fresh = Database::in_memory();
  migrate(fresh, migrations());
  return std::ranges::includes(forms(db), forms(fresh));
}

}  // namespace ditune
