#include <atomic>
#include <thread>

#include "catch.hpp"
#include "db/store.hpp"
#include "fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr int kTrials = 12;

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
  std::vector<::pid_t> children;
  for (int writer = 0; writer < kWriters; ++writer) {
    const ::pid_t child = ::fork();
    if (child == 0) {
      try {
        write_some(folder / "t.db", writer);
        ::_exit(0);
      } catch (const std::exception&) {
        ::_exit(1);
      }
    }
    children.push_back(child);
  }
  for (const ::pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  check_written(folder / "t.db", kWriters);
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
