// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <optional>
#include <set>
#include <thread>

#include "catch.hpp"
#include "db/store.hpp"
#include "fixtures.hpp"
#include "rows_text.hpp"
#include "schema_2.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr int kTrials = 12;

// Forks before any database is open: SQLite's connections do not survive that. Each child gets its number; whether all
// returned 0.
template <class Body>
bool in_processes(int count, Body&& body) {
  std::vector<::pid_t> children;
  for (int number = 0; number < count; ++number) {
    const ::pid_t child = ::fork();
    if (child == 0) {
      try {
        body(number);
        ::_exit(0);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(1);
      }
    }
    children.push_back(child);
  }
  bool all = true;
  for (const ::pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    all = all && status == 0;
  }
  return all;
}

// Adds trials of its own m, and fights for one winner: predicted, so that each reads what is there before it writes.
void write_some(const std::filesystem::path& path, int writer) {
  Store store = Store::open(path);
  for (int i = 0; i < kTrials; ++i) {
    store.add(sample_trial({1 + writer * kTrials + i, 4608, 4608}));
    store.set_winner(predicted_record({1, 1, 1}, 10 + writer), "cubin " + std::to_string(writer));
  }
}

void check_written(const std::filesystem::path& path, int writers) {
  const Store store = Store::open_read_only(path);
  CHECK(store.trials().size() == static_cast<std::size_t>(writers * kTrials));
  REQUIRE(store.winners().size() == 1);
  const TuningRecord winner = store.winners()[0];
  CHECK(store.cubin(winner.cubin_hash) == "cubin " + std::to_string(static_cast<int>(winner.predicted_us) - 10));
}

}  // namespace

TEST_CASE("Two connections write alternately and see each other") {
  const TempFolder folder;
  Store a = Store::open(folder / "t.db");
  Store b = Store::open(folder / "t.db");
  for (int m = 1; m <= 6; ++m) {
    (m % 2 ? a : b).set_winner(measured_record({m, 4608, 4608}));
    CHECK((m % 2 ? b : a).winners().size() == static_cast<std::size_t>(m));
  }
}

TEST_CASE("A reader reads while another writes") {
  const TempFolder folder;
  Store writer = Store::open(folder / "t.db");
  const Store reader = Store::open_read_only(folder / "t.db");
  CHECK(reader.winners().empty());
  writer.set_winner(measured_record());
  CHECK(reader.winners().size() == 1);
}

TEST_CASE("Threads that open and write the same new file lose nothing") {
  const TempFolder folder;
  constexpr int kWriters = 4;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer)
    threads.emplace_back([&, writer] {
      try {
        write_some(folder / "t.db", writer);
      } catch (const std::exception&) {
        ++failures;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(failures == 0);
  check_written(folder / "t.db", kWriters);
}

TEST_CASE("Processes that open and write the same new file lose nothing") {
  const TempFolder folder;
  constexpr int kWriters = 4;
  CHECK(in_processes(kWriters, [&](int writer) { write_some(folder / "t.db", writer); }));
  check_written(folder / "t.db", kWriters);
}

TEST_CASE("Eight processes write ten thousand trials into one file, some opening it again and again: nothing is lost") {
  const TempFolder folder;
  constexpr int kWriters = 8, kEach = 1250, kReopen = 50;
  CHECK(in_processes(kWriters, [&](int writer) {
    std::optional<Store> store;
    for (int i = 0; i < kEach; ++i) {
      if (!store || (writer % 2 == 0 && i % kReopen == 0)) store.emplace(Store::open(folder / "t.db"));
      store->add(sample_trial({1 + writer * kEach + i, 4608, 4608}));
      if (i % kReopen == 0) store->set_winner(predicted_record({1, 1, 1}, 10 + writer));
    }
  }));
  const Store store = Store::open_read_only(folder / "t.db");
  store.require_sound();
  std::set<std::int64_t> seen;
  for (const Trial& trial : store.trials()) seen.insert(rows(trial.key.operation));
  CHECK(seen.size() == kWriters * kEach);
  CHECK(store.skipped_rows() == 0);
}

TEST_CASE("A connection keeps its locks when its process opens the file once more") {
  const TempFolder folder;
  std::array<int, 2> go{};
  REQUIRE(::pipe(go.data()) == 0);
  const ::pid_t other = ::fork();
  if (other == 0) {  // opens and closes the file, and would take the log away if it were the only one
    char byte = 0;
    if (::read(go[0], &byte, 1) != 1) ::_exit(1);
    Store::open(folder / "t.db").add(sample_trial({2, 4608, 4608}));
    ::_exit(0);
  }
  Store store = Store::open(folder / "t.db");
  store.add(sample_trial({1, 4608, 4608}));
  Store::open(folder / "t.db").add(sample_trial({3, 4608, 4608}));
  REQUIRE(::write(go[1], "x", 1) == 1);
  int status = -1;
  ::waitpid(other, &status, 0);
  CHECK(status == 0);
  CHECK(std::filesystem::exists(folder / "t.db-wal"));
  store.add(sample_trial({4, 4608, 4608}));
  CHECK(store.trials().size() == 4);
  ::close(go[0]);
  ::close(go[1]);
}

TEST_CASE("A writer that dies halfway leaves what was committed") {
  const TempFolder folder;
  Store::open(folder / "t.db").set_winner(measured_record());
  in_child([&] {
    Store store = Store::open(folder / "t.db");
    store.set_winner(measured_record({1, 1, 1}));
    ::_exit(0);  // neither closed nor checkpointed
    return 0;
  });
  CHECK(Store::open_read_only(folder / "t.db").winners().size() == 2);
}

TEST_CASE("An older file that many processes open at once is migrated once and loses nothing") {
  const TempFolder folder;
  const std::string expected = read_file(DITUNE_SOURCE_DIR "/tests/db/data/schema_2.txt");
  for (int round = 0; round < 5; ++round) {
    const std::filesystem::path path = folder / (std::to_string(round) + ".db");
    write_schema_2(path);
    CHECK(in_processes(6, [&](int number) {
      const Store store = number % 3 == 0 ? Store::open_read_only(path) : Store::open(path);
      if (rows_text(store) != expected) throw std::runtime_error("other rows than were stored");
    }));
    CHECK(rows_text(Store::open_read_only(path)) == expected);
  }
}

TEST_CASE("A process that is killed while it migrates leaves all rows") {
  const TempFolder folder;
  const std::string expected = read_file(DITUNE_SOURCE_DIR "/tests/db/data/schema_2.txt");
  for (int round = 0; round < 40; ++round) {
    const std::filesystem::path path = folder / (std::to_string(round) + ".db");
    write_schema_2(path);
    const ::pid_t child = ::fork();
    if (child == 0) {
      { const Store store = Store::open(path); }
      ::pause();
    }
    ::usleep(static_cast<::useconds_t>(250 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CHECK(rows_text(Store::open_read_only(path)) == expected);
    CHECK(rows_text(Store::open(path)) == expected);
  }
}
