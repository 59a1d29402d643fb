// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <functional>

#include "catch.hpp"
#include "core/sha256.hpp"
#include "db/migrations.hpp"
#include "db/sqlite.hpp"
#include "db/store.hpp"
#include "ditune/error.hpp"
#include "error_of.hpp"
#include "fixtures.hpp"
#include "schema_1.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Neither way of opening takes the file, and it stays as it is.
void check_unusable(const std::filesystem::path& path, const std::string& reason) {
  const std::string before = read_file(path);
  for (const auto open : {&Store::open, &Store::open_read_only}) {
    try {
      open(path);
      FAIL("opened " << path);
    } catch (const DbError& error) {
      CHECK(error.kind() == DbError::Kind::unusable);
      CHECK(contains(error.what(), reason));
      CHECK(contains(error.what(), "("));
      CHECK_FALSE(contains(error.what(), "\n"));
    }
  }
  CHECK(read_file(path) == before);
  CHECK_FALSE(std::filesystem::exists(path.string() + "-wal"));
  CHECK_FALSE(std::filesystem::exists(path.string() + "-journal"));
}

// The file's valid rows, all of them burst; quartiles are no interval of the median.
void check_schema_1_rows(const Store& store) {
  TuningRecord winner = measured_record();
  winner.low_us = winner.high_us = 0;
  const std::vector<TuningRecord> winners = store.winners();
  REQUIRE(winners.size() == 2);
  CHECK(same(winners[0], predicted_record({17, 4608, 4608})));
  CHECK(same(winners[1], winner));
  CHECK(store.skipped_rows() == 1);

  Trial timed = sample_trial();
  timed.measurement.low_us = timed.measurement.high_us = 0;
  const std::vector<Trial> trials = store.trials();
  REQUIRE(trials.size() == 2);
  CHECK(same(trials[0], timed));
  CHECK(trials[1].measurement.failure == "differs");
  CHECK(trials[1].key.regime == Regime::burst);
}

std::int64_t pragma(const std::filesystem::path& path, const std::string& name) {
  return Database(path, Database::Mode::read_only).integer("PRAGMA " + name);
}

// Another user's rights where the tests run as root, for whom no folder is closed.
int as_nobody(const std::function<int()>& body) {
  return in_child([&] {
    constexpr ::uid_t kNobody = 65534;
    if (::geteuid() == 0 && ::setuid(kNobody) != 0) return 99;
    try {
      return body();
    } catch (const DbError& error) {
      return error.kind() == DbError::Kind::unusable ? 50 : 51;
    }
  });
}

}  // namespace

TEST_CASE("A new file carries application id, version and WAL") {
  const TempFolder folder;
  { const Store store = Store::open(folder / "t.db"); }
  CHECK(pragma(folder / "t.db", "application_id") == kApplicationId);
  CHECK(pragma(folder / "t.db", "user_version") == kSchemaVersion);
  CHECK(Database(folder / "t.db", Database::Mode::read_only).text("PRAGMA journal_mode") == "wal");
  CHECK(Store::open(folder / "t.db").winners().empty());
}

TEST_CASE("Closing leaves one file, also after reading alone") {
  const TempFolder folder;
  Store::open(folder / "t.db").set_winner(measured_record());
  CHECK(Store::open_read_only(folder / "t.db").winners().size() == 1);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("An empty file is taken as new, but holds nothing to read") {
  const TempFolder folder;
  write_file(folder / "t.db", "");
  CHECK_THROWS_AS(Store::open_read_only(folder / "t.db"), DbError);
  CHECK(Store::open(folder / "t.db").set_winner(measured_record()));
}

TEST_CASE("A file that is no database is refused untouched") {
  const TempFolder folder;
  const std::string bytes =
      GENERATE(as<std::string>(), "x", "SQLite format 3", std::string(5000, 'x'), std::string(4096, '\0'));
  write_file(folder / "t.db", bytes);
  check_unusable(folder / "t.db", "not a tuning database");
}

TEST_CASE("A database of another program is refused untouched") {
  const TempFolder folder;
  const std::string id = GENERATE("0", "252006674");
  Database(folder / "t.db", Database::Mode::create)
      .execute("PRAGMA journal_mode = WAL; CREATE TABLE winners (x); PRAGMA application_id = " + id);
  check_unusable(folder / "t.db", "another program");
}

TEST_CASE("The write-ahead log of another program that died is left to that program") {
  const TempFolder folder;
  in_child([&] {
    Database db(folder / "t.db", Database::Mode::create);
    db.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (x)");
    ::_exit(0);  // neither closed nor checkpointed
    return 0;
  });
  const std::string log = read_file(folder / "t.db-wal");
  REQUIRE_FALSE(log.empty());
  CHECK_THROWS_AS(Store::open(folder / "t.db"), DbError);
  CHECK_THROWS_AS(Store::open_read_only(folder / "t.db"), DbError);
  CHECK(read_file(folder / "t.db-wal") == log);
}

TEST_CASE("A newer schema is refused untouched") {
  const TempFolder folder;
  { const Store store = Store::open(folder / "t.db"); }
  Database(folder / "t.db", Database::Mode::read_write).execute("PRAGMA user_version = 4");
  check_unusable(folder / "t.db", "schema 4");
}

TEST_CASE("Older schemas stay as they were released") {
  CHECK(sha256(migrations()[0]) == "484329824227da95f5797792cade2253141b58fbea7797df35c21296bc838765");
  CHECK(sha256(migrations()[1]) == "42297423f4b78994db3180d244cb53027636c82310c2943337d506335ad19106");
}

TEST_CASE("A file of the first schema keeps every row, as burst") {
  const TempFolder folder;
  write_schema_1(folder / "t.db");
  {
    Store store = Store::open(folder / "t.db");
    check_schema_1_rows(store);
    TuningRecord sustained = measured_record();
    sustained.key.regime = Regime::sustained;
    CHECK(store.set_winner(sustained));
    CHECK(store.winners().size() == 3);
  }
  CHECK(pragma(folder / "t.db", "user_version") == kSchemaVersion);
  CHECK(Database(folder / "t.db", Database::Mode::read_only).integer("SELECT count(*) FROM winners") == 4);
}

TEST_CASE("A file of the first schema is read as it is") {
  const TempFolder folder;
  write_schema_1(folder / "t.db");
  const std::string before = read_file(folder / "t.db");
  check_schema_1_rows(Store::open_read_only(folder / "t.db"));
  CHECK(read_file(folder / "t.db") == before);
}

TEST_CASE("A trigger that another program left does nothing") {
  const TempFolder folder;
  Store::open(folder / "t.db").set_winner(measured_record());
  Database(folder / "t.db", Database::Mode::read_write)
      .execute("CREATE TRIGGER t AFTER INSERT ON trials BEGIN DELETE FROM winners; END");
  Store store = Store::open(folder / "t.db");
  store.add(sample_trial());
  CHECK(store.winners().size() == 1);
}

TEST_CASE("A view in place of a table is not asked for rows without end") {
  const TempFolder folder;
  Store::open(folder / "t.db");
  Database(folder / "t.db", Database::Mode::read_write)
      .execute(
          "DROP TABLE winners; CREATE VIEW winners AS WITH RECURSIVE r (device_id) AS "
          "(SELECT 1 UNION ALL SELECT device_id + 1 FROM r) SELECT device_id, 1 AS operation_id, '' AS template_hash, "
          "'burst' AS regime, 1 AS config_id, 1 AS toolchain_id, 'measured' AS source, 1.0 AS median_us, "
          "1.0 AS low_us, 1.0 AS high_us, 1.0 AS power_w, NULL AS tied, 1.0 AS predicted_us, 1 AS registers, "
          "0 AS spill_bytes, 0 AS shared_bytes, NULL AS cubin_hash, '' AS gpu_uuid, 1.0 AS sm_clock_mhz, "
          "1.0 AS temperature_c, '' AS finished_at, 1 AS seed FROM r");
  CHECK(contains(error_of<Error>([&] { Store::open_read_only(folder / "t.db").winners(); }), "damaged"));
}

TEST_CASE("What is no file is refused") {
  const TempFolder folder;
  CHECK(contains(error_of<Error>([&] { Store::open(folder.path()); }), "is a folder"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(contains(error_of<Error>([&] { Store::open(folder / "pipe"); }), "no regular file"));
  CHECK(contains(error_of<Error>([&] { Store::open(""); }), "no name"));
  std::filesystem::create_symlink("loop.db", folder / "loop.db");
  CHECK(contains(error_of<Error>([&] { Store::open(folder / "loop.db"); }), "cannot be reached: Too many levels"));
  CHECK(contains(error_of<Error>([&] { Store::open_read_only(folder / "absent.db"); }), "does not exist"));
  write_file(folder / "file", "x");
  CHECK_THROWS_AS(Store::open(folder / "file/t.db"), DbError);
  CHECK_FALSE(std::filesystem::exists(folder / "absent.db"));
}

TEST_CASE("A name of a folder is no file's name, and no folder is made for it") {
  const TempFolder folder;
  for (const std::string name : {"new/", "new/.", "new/.."})
    CHECK(contains(error_of<Error>([&] { Store::open(folder / name); }), "is the name of a folder (name a file"));
  const std::string too_long = "new/" + std::string(300, 'x');
  CHECK_THROWS_AS(Store::open(folder / too_long), DbError);
  CHECK_THROWS_AS(Store::open(folder / "new/sub/" / std::string(300, 'x')), DbError);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("A link to a file that is not there is followed, if its folder is there") {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "there");
  std::filesystem::create_symlink("there/t.db", folder / "link.db");
  Store::open(folder / "link.db").set_winner(measured_record());
  CHECK(std::filesystem::is_symlink(folder / "link.db"));
  CHECK(Store::open_read_only(folder / "there/t.db").winners().size() == 1);
  std::filesystem::create_symlink("gone/t.db", folder / "astray.db");
  for (const auto open : {&Store::open, &Store::open_read_only})
    CHECK(contains(error_of<Error>([&] { open(folder / "astray.db"); }),
                   "gone/t.db, whose folder is not there (make that folder"));
  CHECK_FALSE(std::filesystem::exists(folder / "gone"));
}

TEST_CASE("Where nothing may be written, reading works and writing is refused") {
  const TempFolder folder;
  Store::open(folder / "t.db").set_winner(measured_record());
  std::filesystem::permissions(folder / "t.db", std::filesystem::perms(0444));
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
  CHECK(as_nobody([&] { return static_cast<int>(Store::open_read_only(folder / "t.db").winners().size()); }) == 1);
  CHECK(as_nobody([&] { return Store::open(folder / "t.db"), 0; }) == 50);
  CHECK(as_nobody([&] { return Store::open(folder / "new.db"), 0; }) == 50);
  CHECK(as_nobody([&] { return Store::open(folder / "sub/new.db"), 0; }) == 50);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
}

TEST_CASE("A reader leaves nothing that its owner could not write, in a folder that both may write to") {
  const TempFolder folder;
  Store::open(folder / "t.db").set_winner(measured_record());
  std::filesystem::permissions(folder / "t.db", std::filesystem::perms(0444));
  std::filesystem::permissions(folder.path(), std::filesystem::perms(01777));
  const auto winners = [&] { return static_cast<int>(Store::open_read_only(folder / "t.db").winners().size()); };
  CHECK(as_nobody(winners) == 1);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  {
    std::filesystem::permissions(folder / "t.db", std::filesystem::perms(0644));
    Store owner = Store::open(folder / "t.db");
    TuningRecord other = measured_record();
    other.key.operation = Gemm{64, 64, 64};
    owner.set_winner(other);
    CHECK(as_nobody(winners) == 2);  // the second is in the log yet
  }
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("A reader who may not write sees through a link what is in the log beside the file") {
  const TempFolder folder;
  const TempFolder links;
  std::filesystem::permissions(links.path(), std::filesystem::perms(0755));
  Store::open(folder / "t.db").set_winner(measured_record());
  std::filesystem::create_symlink(folder / "t.db", links / "link.db");
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  Store owner = Store::open(folder / "t.db");
  TuningRecord other = measured_record();
  other.key.operation = Gemm{64, 64, 64};
  owner.set_winner(other);
  for (const auto& path : {folder / "t.db", links / "link.db"})
    CHECK(as_nobody([&] { return static_cast<int>(Store::open_read_only(path).winners().size()); }) == 2);
}

TEST_CASE("A file that may not be read is refused") {
  const TempFolder folder;
  { const Store store = Store::open(folder / "t.db"); }
  std::filesystem::permissions(folder / "t.db", std::filesystem::perms(0000));
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  CHECK(as_nobody([&] { return Store::open_read_only(folder / "t.db"), 0; }) == 50);
}

TEST_CASE("A store opened for reading refuses to write") {
  const TempFolder folder;
  { const Store store = Store::open(folder / "t.db"); }
  Store store = Store::open_read_only(folder / "t.db");
  CHECK_THROWS_AS(store.add(sample_trial()), DbError);
  CHECK_THROWS_AS(store.set_winner(measured_record()), DbError);
}

TEST_CASE("When the disk is full a write fails as the machine's fault, and what was there stays") {
  const TempFolder folder;
  Store::open(folder / "t.db").set_winner(measured_record());
  const int status = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const ::rlimit limit{256 * 1024, 256 * 1024};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      Store::open(folder / "t.db").set_winner(measured_record({1, 1, 1}), std::string(1 << 20, 'x'));
    } catch (const DbError& error) {
      return error.kind() == DbError::Kind::failed ? 0 : 1;
    }
    return 2;
  });
  CHECK(status == 0);
  CHECK(Store::open(folder / "t.db").winners().size() == 1);
}

TEST_CASE("When the disk is full a database that cannot be filled is not left there empty") {
  const TempFolder folder;
  const int status = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const ::rlimit limit{4096, 4096};  // one page
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      Store::open(folder / "t.db");
    } catch (const DbError& error) {
      return error.kind() == DbError::Kind::failed ? 0 : 1;
    }
    return 2;
  });
  CHECK(status == 0);
  CHECK(std::filesystem::is_empty(folder.path()));
  // One that was there, if only empty, is its owner's.
  write_file(folder / "t.db", "");
  CHECK(in_child([&] {
          std::signal(SIGXFSZ, SIG_IGN);
          const ::rlimit limit{4096, 4096};
          ::setrlimit(RLIMIT_FSIZE, &limit);
          return error_of<Error>([&] { Store::open(folder / "t.db"); }) == "no error" ? 1 : 0;
        }) == 0);
  CHECK(std::filesystem::exists(folder / "t.db"));
}

TEST_CASE("Migrations run in order from the version of the file, once") {
  const TempFolder folder;
  const std::string_view first[] = {"CREATE TABLE a (x)"};
  const std::string_view both[] = {"CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)"};
  Database db(folder / "t.db", Database::Mode::create);
  migrate(db, first);
  CHECK(db.integer("PRAGMA user_version") == 1);
  migrate(db, both);
  migrate(db, both);
  CHECK(db.integer("PRAGMA user_version") == 2);
  CHECK(db.integer("SELECT count(*) FROM a") == 1);
  CHECK_THROWS_AS(migrate(db, first), DbError);
}

TEST_CASE("A migration that fails changes nothing") {
  const TempFolder folder;
  const std::string_view broken[] = {"CREATE TABLE a (x); CREATE TABLE a (x)"};
  Database db(folder / "t.db", Database::Mode::create);
  CHECK_THROWS_AS(migrate(db, broken), DbError);
  CHECK(db.integer("PRAGMA user_version") == 0);
  CHECK(db.integer("SELECT count(*) FROM sqlite_schema") == 0);
}
