// Damaged files: every answer is rows or DbError, nothing else.
#include <random>

#include "catch.hpp"
#include "db/store.hpp"
#include "fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

std::string healthy_file(const TempFolder& folder) {
  Store store = Store::open(folder / "healthy.db");
  for (int m = 1; m <= 20; ++m) {
    store.set_winner(measured_record({m, 4608, 4608}), std::string(600, static_cast<char>(m)));
    store.add(sample_trial({m, 4608, 4608}));
  }
  store.copy_to(folder / "copy.db");
  return read_file(folder / "copy.db");
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

TEST_CASE("A truncated file is refused or read as far as it goes") {
  const TempFolder folder;
  const std::string bytes = healthy_file(folder);
  int refused = 0;
  for (std::size_t size = 1; size < bytes.size(); size += 1531) {
    write_file(folder / "t.db", bytes.substr(0, size));
    refused += use_file(folder / "t.db") == Outcome::refused;
  }
  CHECK(refused > 0);
}

TEST_CASE("Flipped bytes anywhere in a file are survived") {
  const TempFolder folder;
  const std::string bytes = healthy_file(folder);
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 150; ++round) {
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
  constexpr std::size_t kPage = 4096;
  std::mt19937 random(2);
  for (std::size_t page = kPage; page < bytes.size(); page += kPage) {
    std::string damaged = bytes;
    for (std::size_t i = 0; i < kPage; ++i) damaged[page + i] = static_cast<char>(random());
    write_file(folder / "t.db", damaged);
    use_file(folder / "t.db");
  }
}
