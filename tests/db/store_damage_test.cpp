// SPDX-License-Identifier: Apache-2.0
// Damaged files: every answer is rows or DbError, nothing else.
#include <map>
#include <random>

#include "catch.hpp"
#include "db/damage.hpp"
#include "db/sqlite.hpp"
#include "db/store.hpp"
#include "ditune/error.hpp"
#include "error_of.hpp"
#include "fixtures.hpp"
#include "gemm.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr int kRows = 20;                           // of trials, and of winners
constexpr std::size_t kPage = 4096, kHeader = 100;  // bytes

Trial healthy_trial(int m) { return sample_trial({m, 4608, 4608}); }

// Its time is that of its trial.
TuningRecord healthy_winner(int m) {
  TuningRecord record = measured_record({m, 4608, 4608});
  record.low_us = healthy_trial(m).measurement.low_us;
  record.high_us = healthy_trial(m).measurement.high_us;
  return record;
}

std::string healthy_cubin(int m) { return std::string(600, static_cast<char>(m)); }

std::string healthy_file(const TempFolder& folder) {
  Store store = Store::open(folder / "healthy.db");
  store.atomically([&] {
    for (int m = 1; m <= kRows; ++m) {
      store.set_winner(healthy_winner(m), healthy_cubin(m));
      store.add(healthy_trial(m));
    }
  });
  store.copy_to(folder / "copy.db");
  return read_file(folder / "copy.db");
}

// How many rows are read, each of which must be one that was stored.
int stored_rows(const Store& store) {
  const std::vector<Trial> trials = store.trials();
  for (const Trial& trial : trials) CHECK(same(trial, healthy_trial(static_cast<int>(rows(trial.key.operation)))));
  const std::vector<TuningRecord> winners = store.winners();
  for (const TuningRecord& winner : winners) {
    const auto m = static_cast<int>(rows(winner.key.operation));
    TuningRecord expected = healthy_winner(m);
    expected.cubin_hash = winner.cubin_hash;
    expected.provenance.seed = winner.provenance.seed;  // the last bytes of the file, and stored nowhere else
    CHECK(same(winner, expected));
    CHECK(store.cubin(winner.cubin_hash) == healthy_cubin(m));
  }
  return static_cast<int>(trials.size() + winners.size());
}

enum class Outcome { rows, refused };

template <class Use>
Outcome outcome_of(Use&& use) {
  try {
    use();
    return Outcome::rows;
  } catch (const DbError& error) {
    CHECK(error.kind() == DbError::Kind::unusable);
    return Outcome::refused;
  }
}

// Reads all there is, then writes.
Outcome use_file(const std::filesystem::path& path) {
  const Outcome reading = outcome_of([&] {
    const Store store = Store::open_read_only(path);
    for (const TuningRecord& record : store.winners()) store.cubin(record.cubin_hash);
    store.trials();
  });
  const Outcome writing = outcome_of([&] {
    Store store = Store::open(path);
    store.set_winner(measured_record({1, 4608, 4608}), "new");
    store.add(sample_trial());
  });
  return reading == Outcome::rows ? writing : reading;
}

}  // namespace

// SQLite opens a file whose last page is not whole.
TEST_CASE("A truncated file is damaged, is left as it is, and is set aside") {
  const TempFolder folder;
  const std::string bytes = healthy_file(folder);
  const std::size_t last_page = bytes.size() - kPage;
  std::vector<std::size_t> sizes{kHeader, last_page - 1, last_page, last_page + 1, bytes.size() - 1};
  for (std::size_t size = kPage / 2; size < bytes.size(); size += 3 * kPage / 2) sizes.push_back(size);
  for (const std::size_t size : sizes) {
    CAPTURE(size);
    const std::filesystem::path path = folder / (std::to_string(size) + ".db");
    const std::string truncated = bytes.substr(0, size);
    write_file(path, truncated);
    CHECK(contains(error_of<Error>([&] { Store::open_read_only(path).require_sound(); }), "it is damaged"));
    if (size <= last_page) CHECK(contains(error_of<Error>([&] { Store::open(path); }), "it is damaged"));
    CHECK(read_file(path) == truncated);
    const std::optional<SetAside> aside = set_aside_if_damaged(path);
    REQUIRE(aside);
    CHECK(read_file(aside->file) == truncated);
    CHECK(stored_rows(Store::open_read_only(path)) == aside->trials + aside->winners);
    if (size > last_page) CHECK(aside->trials == kRows);
  }
}

TEST_CASE("A file that is shorter than a database's header is none") {
  const TempFolder folder;
  const std::string bytes = healthy_file(folder).substr(0, GENERATE(std::size_t{1}, kHeader - 1));
  write_file(folder / "t.db", bytes);
  CHECK(use_file(folder / "t.db") == Outcome::refused);
  CHECK(contains(error_of<Error>([&] { set_aside_if_damaged(folder / "t.db"); }), "is not a tuning database"));
  CHECK(read_file(folder / "t.db") == bytes);
}

TEST_CASE("Flipped bytes anywhere in a file are survived") {
  const TempFolder folder;
  const std::string bytes = healthy_file(folder);
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes;
    const int flips = 1 + round % 40;
    for (int i = 0; i < flips; ++i) damaged[random() % damaged.size()] ^= static_cast<char>(1 + random() % 255);
    write_file(folder / "t.db", damaged);
    refused += use_file(folder / "t.db") == Outcome::refused;
  }
  CHECK(refused > 0);
}

TEST_CASE("A page full of noise is survived") {
  const TempFolder folder;
  const std::string bytes = healthy_file(folder);
  std::mt19937 random(2);
  for (std::size_t page = kPage; page < bytes.size(); page += kPage) {
    std::string damaged = bytes;
    for (std::size_t i = 0; i < kPage; ++i) damaged[page + i] = static_cast<char>(random());
    write_file(folder / "t.db", damaged);
    use_file(folder / "t.db");
  }
}

TEST_CASE("A sound, an empty and an absent file are left as they are") {
  const TempFolder folder;
  CHECK_FALSE(set_aside_if_damaged(folder / "t.db"));
  CHECK_FALSE(std::filesystem::exists(folder / "t.db"));
  write_file(folder / "t.db", "");
  CHECK_FALSE(set_aside_if_damaged(folder / "t.db"));
  const std::string bytes = healthy_file(folder);
  write_file(folder / "t.db", bytes);
  CHECK_FALSE(set_aside_if_damaged(folder / "t.db"));
  CHECK(read_file(folder / "t.db") == bytes);
}

TEST_CASE("A foreign and a newer file are not set aside, damaged or not") {
  const TempFolder folder;
  const std::string bytes = healthy_file(folder);
  write_file(folder / "t.db", bytes);
  const std::string sql = GENERATE("PRAGMA user_version = 99", "PRAGMA application_id = 1");
  Database(folder / "t.db", Database::Mode::read_write).execute(sql);
  CHECK_THROWS_AS(set_aside_if_damaged(folder / "t.db"), DbError);
  write_file(folder / "t.db", std::string(5000, 'x'));
  CHECK_THROWS_AS(set_aside_if_damaged(folder / "t.db"), DbError);
  CHECK(read_file(folder / "t.db") == std::string(5000, 'x'));
}

// What is returned of a damaged file is what was stored, or it is counted: nothing is lost without a word.
TEST_CASE("A damaged file is kept, and what is sound of it goes on") {
  const TempFolder folder;
  const std::string bytes = healthy_file(folder);
  std::mt19937 random(3);
  int set_aside = 0, trials = 0, winners = 0;
  for (int round = 0; round < 300; ++round) {
    const std::filesystem::path path = folder / (std::to_string(round) + ".db");
    std::string damaged = bytes;
    const std::size_t at = 100 + random() % (bytes.size() - 200);  // the header is what makes it ours
    for (int i = 0; i < 1 + round % 40; ++i) damaged[at + random() % 100] ^= static_cast<char>(1 + random() % 255);
    write_file(path, damaged);
    const std::optional<SetAside> aside = set_aside_if_damaged(path);
    const Store store = Store::open(path);
    store.require_sound();
    const std::vector<Trial> kept = store.trials();
    CAPTURE(round, at);
    if (!aside) {
      CHECK(static_cast<int>(kept.size()) + store.skipped_rows() == kRows);
      const auto read = static_cast<int>(store.winners().size());
      CHECK(read + store.skipped_rows() == kRows);
      continue;
    }
    ++set_aside;
    trials += aside->trials;
    winners += aside->winners;
    CHECK(aside->file == path.string() + ".damaged");
    CHECK(read_file(aside->file) == damaged);
    CHECK(static_cast<int>(kept.size()) == aside->trials);
    for (const Trial& trial : kept) {
      const Trial expected = healthy_trial(static_cast<int>(rows(trial.key.operation)));
      CHECK(trial.key.operation == expected.key.operation);
      CHECK(trial.key.device == expected.key.device);
      CHECK(trial.config == expected.config);
      CHECK(std::abs(trial.measurement.median_us - expected.measurement.median_us) < 1e-6);
    }
    CHECK(static_cast<int>(store.winners().size()) == aside->winners);
    for (const TuningRecord& winner : store.winners()) {
      CHECK(gemm_of(winner.key.operation).n == 4608);
      CHECK(std::abs(winner.median_us - 41.5) < 1e-6);
    }
    CHECK_FALSE(set_aside_if_damaged(path));
  }
  // Damage is to a page or two of some thirty; every file has all of its tables.
  CHECK(set_aside > 20);
  CHECK(trials > set_aside * kRows / 2);
  CHECK(winners > set_aside * kRows / 3);
}

TEST_CASE("A file without a table, a column or a key of ours is set aside, others beside them do not matter") {
  const TempFolder folder;
  write_file(folder / "t.db", healthy_file(folder));
  const auto [sql, damaged] = GENERATE(
      std::pair("DROP TABLE cubins", true), std::pair("ALTER TABLE trials DROP COLUMN power_w", true),
      std::pair("DROP TABLE winners; CREATE VIEW winners AS SELECT 1 AS device_id", true),
      std::pair("DROP TABLE cubins; CREATE TABLE cubins (hash TEXT NOT NULL, image BLOB NOT NULL) STRICT", true),
      std::pair("CREATE TABLE notes (a); CREATE INDEX by_seed ON trials (seed); DROP INDEX winners_by_cubin", false));
  CAPTURE(sql);
  Database(folder / "t.db", Database::Mode::read_write).execute("PRAGMA foreign_keys = OFF;" + std::string(sql));
  CHECK(set_aside_if_damaged(folder / "t.db").has_value() == damaged);
  Store::open(folder / "t.db").require_sound();
}

// A new config would otherwise get the id of the one that is gone, and the trials of that.
TEST_CASE("Rows that refer to nothing are not taken for those of the next row that is added") {
  const TempFolder folder;
  write_file(folder / "t.db", healthy_file(folder));
  const std::string table = GENERATE("configs", "devices", "operations", "toolchains");
  Database(folder / "t.db", Database::Mode::read_write)
      .execute("PRAGMA foreign_keys = OFF; DELETE FROM " + table + " WHERE id = (SELECT max(id) FROM " + table + ")");
  const std::optional<SetAside> aside = set_aside_if_damaged(folder / "t.db");
  REQUIRE(aside);
  CHECK(aside->trials == (table == "operations" ? kRows - 1 : 0));
}

TEST_CASE("Files that are set aside one after the other are all kept, with their logs") {
  const TempFolder folder;
  const std::string bytes = healthy_file(folder);
  std::string damaged = bytes;
  for (std::size_t i = 4096; i < 2 * 4096; ++i) damaged[i] = 'x';
  write_file(folder / "t.db", damaged);
  std::filesystem::create_symlink(folder / "t.db", folder / "link.db");
  CHECK(set_aside_if_damaged(folder / "link.db")->file == folder / "t.db.damaged");
  CHECK(std::filesystem::is_symlink(folder / "link.db"));
  write_file(folder / "t.db", damaged + "2");
  CHECK(set_aside_if_damaged(folder / "t.db")->file == folder / "t.db.damaged-2");
  CHECK(read_file(folder / "t.db.damaged") == damaged);
  CHECK(read_file(folder / "t.db.damaged-2") == damaged + "2");
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    CHECK_FALSE(contains(entry.path().string(), ".new-"));
}

TEST_CASE("A database that is moved or deleted while it is open takes no more writes in silence") {
  const TempFolder folder;
  Store store = Store::open(folder / "t.db");
  store.add(sample_trial());
  if (GENERATE(true, false))
    std::filesystem::rename(folder / "t.db", folder / "other.db");
  else
    std::filesystem::remove(folder / "t.db");
  CHECK(contains(error_of<Error>([&] { store.add(sample_trial({1, 4608, 4608})); }), "moved or deleted"));
  CHECK(contains(error_of<Error>([&] { store.set_winner(measured_record()); }), "moved or deleted"));
  std::filesystem::remove(folder / "t.db-wal");
  Store again = Store::open(folder / "t.db");
  again.add(sample_trial());
  CHECK(again.trials().size() == 1);
}

TEST_CASE("Of a damaged file no value is believed that differs where it is stored twice") {
  const TempFolder folder;
  const std::filesystem::path path = folder / "t.db";
  write_file(path, healthy_file(folder));
  const std::string at = " WHERE operation_id = (SELECT id FROM operations WHERE rows = ";
  std::string index;
  {
    Database db(path, Database::Mode::read_write);
    index = db.text(
        "SELECT format('INSERT INTO sqlite_schema VALUES (%Q, %Q, %Q, %d, %Q)', type, name, tbl_name, rootpage, sql) "
        "FROM sqlite_schema WHERE name = 'trials_by_operation'");
    db.execute("UPDATE trials SET median_us = 41.0" + at + "5); UPDATE winners SET median_us = 41.0" + at + "7)");
    db.execute("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'trials_by_operation'");
  }
  {
    Database db(path, Database::Mode::read_write);
    db.execute("INSERT INTO configs (config) VALUES ('mma_s8:tile=64x64x64,warps=2x2,stages=4')");
    db.execute("UPDATE trials SET config_id = 2" + at + "3); PRAGMA writable_schema = ON; " + index);
  }
  const std::optional<SetAside> aside = set_aside_if_damaged(path);
  REQUIRE(aside);
  CHECK(aside->trials == kRows - 2);
  CHECK(aside->winners == kRows - 3);
  const Store store = Store::open_read_only(path);
  for (const TuningRecord& winner : store.winners())
    CHECK(store.cubin(winner.cubin_hash) == healthy_cubin(static_cast<int>(rows(winner.key.operation))));
  for (const Trial& trial : store.trials()) CHECK((rows(trial.key.operation) != 3 && rows(trial.key.operation) != 5));
}
