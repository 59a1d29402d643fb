// SPDX-License-Identifier: Apache-2.0
// data/schema_2.db was written by the ditune of schema 2: winners and trials of an H100, an RTX 3090 and an A10, of
// five epilogues, and sixteen rows that do not validate. data/schema_2.txt is what that ditune read of it.
#include "schema_2.hpp"

#include <algorithm>
#include <map>

#include "catch.hpp"
#include "db/damage.hpp"
#include "db/export_header.hpp"
#include "db/merge.hpp"
#include "db/migrations.hpp"
#include "db/sqlite.hpp"
#include "ditune/library.hpp"
#include "error_of.hpp"
#include "fixtures.hpp"
#include "rows_text.hpp"
#include "templates/embedded.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const std::filesystem::path kData = DITUNE_SOURCE_DIR "/tests/db/data";

std::filesystem::path file_of_schema_2(const TempFolder& folder) {
  write_schema_2(folder / "t.db");
  return folder / "t.db";
}

std::filesystem::path sound_file_of_schema_2(const TempFolder& folder) {
  write_sound_schema_2(folder / "t.db");
  return folder / "t.db";
}

std::string expected_rows() { return read_file(kData / "schema_2.txt"); }

// The lines of rows that merging takes: valid ones, but for those of a K for which their kernels are refused.
std::string mergeable(const std::string& rows) {
  std::istringstream lines(rows);
  std::string kept;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("skipped|") && !contains(line, "|77x129x257|")) kept += line + '\n';
  return kept;
}

std::int64_t count(const std::filesystem::path& path, const std::string& table) {
  return Database(path, Database::Mode::read_only).integer("SELECT count(*) FROM " + table);
}

}  // namespace

TEST_CASE("A file of schema 2 is read as it was, and stays as it is") {
  const TempFolder folder;
  const std::filesystem::path path = file_of_schema_2(folder);
  const Store store = Store::open_read_only(path);
  CHECK(rows_text(store) == expected_rows());
  CHECK(read_file(path) == read_file(kData / "schema_2.db"));
}

TEST_CASE("A file of schema 2 is migrated in place and loses no row") {
  const TempFolder folder;
  const std::filesystem::path path = file_of_schema_2(folder);
  std::map<std::string, std::int64_t> before;
  for (const char* table : {"devices", "toolchains", "configs", "cubins", "trials", "winners"})
    before[table] = count(path, table);
  const std::int64_t problems = count(path, "problems");
  {
    const Store store = Store::open(path);
    CHECK(rows_text(store) == expected_rows());
  }
  CHECK(count(path, "operations") == problems);
  for (const auto& [table, rows] : before) CHECK(count(path, table) == rows);
  const Database db(path, Database::Mode::read_only);
  CHECK(db.integer("PRAGMA user_version") == kSchemaVersion);
  CHECK(db.text("SELECT group_concat(layer, ' ') FROM (SELECT layer FROM operations WHERE rows IN (16, 4352) "
                "ORDER BY id)") == "n=4608,k=4608 n=13824,k=4608 n=13824,k=4608,bias=bf16");
  CHECK(db.text("SELECT group_concat(rows || ' ' || layer, '; ') FROM (SELECT * FROM operations WHERE layer LIKE "
                "'%k=131072%' OR layer LIKE '%disk' OR layer LIKE '%,' OR layer LIKE '%m=3%' OR rows < 0 "
                "OR rows > 1000000 ORDER BY id)") ==
        "-201 n=1024,k=2048,bias=f16; 202 n=1024,k=131072,bias=f16; 203 n=1024,k=2048,op=format_disk; "
        "204 n=1024,k=2048,; 205 n=1024,k=2048,m=3,bias=f16; "
        "9223372036854775807 n=-9223372036854775807,k=2048,bias=f16");
}

TEST_CASE("A migrated file has the tables of a new one") {
  const TempFolder folder;
  const std::filesystem::path path = sound_file_of_schema_2(folder);
  { const Store store = Store::open(path); }
  const Database db(path, Database::Mode::read_only);
  CHECK(has_newest_schema(db));
  CHECK(db.text("PRAGMA integrity_check") == "ok");
  for (const char* index : {"sqlite_autoindex_operations_1", "trials_by_operation", "winners_by_operation"})
    CHECK(db.integer("SELECT count(*) FROM sqlite_schema WHERE name = '" + std::string(index) + "'") == 1);
  for (const std::string table : {"trials", "winners"})
    CHECK(db.integer("SELECT count(*) FROM pragma_foreign_key_list('" + table + "') WHERE \"table\" = 'operations'") ==
          1);
}

TEST_CASE("Winners of schema 2 are served and exported") {
  const TempFolder folder;
  const std::filesystem::path path = file_of_schema_2(folder);
  const Gemm asked{4352, 13824, 4608, parse_epilogue("bias=bf16")};
  const auto check = [&](Match match) {
    const Library library(Store::open_read_only(path).winners());
    const LookupResult found = library.lookup(asked, find_device("H100"));
    CHECK(found.match == match);
    CHECK(format(found.config) == "wgmma_s8:tile=128x256,stages=4");
  };
  check(Match::stale);  // no template has such a hash
  Database(path, Database::Mode::read_write)
      .execute("UPDATE winners SET template_hash = '" + template_hash("wgmma_s8") +
               "' WHERE template_hash LIKE '0%' AND device_id = (SELECT id FROM devices WHERE arch = 90)");
  check(Match::exact);
  const HeaderText text = export_header(Store::open_read_only(path).winners(), {});
  CHECK(contains(text.header, "13824"));
  CHECK(contains(text.header, "NVIDIA H100 80GB HBM3"));
}

TEST_CASE("Files of schema 2 and 3 are merged, whichever into the other") {
  const TempFolder folder;
  const std::filesystem::path older = sound_file_of_schema_2(folder);
  const TuningRecord added = measured_record({5, 4608, 4608});
  {
    Store store = Store::open(folder / "new.db");
    store.set_winner(added);
  }
  require_mergeable(folder / "new.db", older);
  const auto merged = [&](const std::filesystem::path& into, const std::filesystem::path& from) {
    Store store = Store::open(into);
    const MergeResult result = merge(store, Store::open_read_only(from), /*trust_binaries=*/true);
    return std::pair(result, mergeable(rows_text(store)));
  };
  const auto [taken, rows] = merged(folder / "new.db", older);
  CHECK(taken.skipped == 9);
  CHECK(taken.winners == 23);
  CHECK(taken.trials == 31);
  CHECK(taken.refused == 9 + 5 + 7);
  const auto [back, same_rows] = merged(older, folder / "new.db");
  CHECK(back.winners == 1);
  CHECK(back.trials == 0);
  CHECK(same_rows == rows);
  std::istringstream expected(mergeable(expected_rows()));
  for (std::string line; std::getline(expected, line);) {
    CAPTURE(line);
    CHECK(contains(rows, line));
  }
}

TEST_CASE("Of a damaged file of schema 2 the damage is found where its index says something else") {
  const TempFolder folder;
  const std::filesystem::path path = sound_file_of_schema_2(folder);
  Store::open_read_only(path).require_sound();
  {
    Database db(path, Database::Mode::read_write);
    db.execute(
        "PRAGMA foreign_keys = OFF; PRAGMA writable_schema = ON; CREATE TABLE kept AS SELECT rowid AS id, * "
        "FROM sqlite_schema WHERE name = 'trials_by_problem'; DELETE FROM sqlite_schema WHERE name = "
        "'trials_by_problem'");
  }
  {
    Database db(path, Database::Mode::read_write);
    db.execute(
        "UPDATE trials SET problem_id = 2 WHERE id = 1; PRAGMA writable_schema = ON; "
        "INSERT INTO sqlite_schema SELECT type, name, tbl_name, rootpage, sql FROM kept");
  }
  const std::string damaged = read_file(path);
  CHECK(contains(error_of<Error>([&] { Store::open_read_only(path).require_sound(); }), "it is damaged"));
  const std::optional<SetAside> aside = set_aside_if_damaged(path);
  REQUIRE(aside);
  CHECK(read_file(aside->file) == damaged);
}
