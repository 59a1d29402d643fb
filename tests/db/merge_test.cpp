// SPDX-License-Identifier: Apache-2.0
#include "db/merge.hpp"

#include <algorithm>
#include <csignal>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <thread>

#include "catch.hpp"
#include "core/sha256.hpp"
#include "db/sqlite.hpp"
#include "error_of.hpp"
#include "fixtures.hpp"
#include "gemm.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const char* const kOther = "mma_s8:tile=64x64x64,warps=2x2,stages=4";

TuningRecord with_interval(double low, double median, double high) {
  TuningRecord record = measured_record({256, 4608, 4608}, median);
  record.low_us = low;
  record.high_us = high;
  return record;
}

// Winners and trials of a made-up run of some problems, some of which other runs have as well.
void write_run(const std::filesystem::path& path, unsigned seed) {
  std::mt19937 random(seed);
  Store store = Store::open(path);
  store.atomically([&] {
    for (int i = 0; i < 60; ++i) {
      Trial trial = sample_trial({1 + static_cast<std::int64_t>(random() % 40), 4608, 4608});
      trial.measurement.median_us = 40.25 + static_cast<double>(random() % 3) / 4;
      trial.provenance.when = "2026-01-0" + std::to_string(1 + random() % 9) + "T00:00:00Z";
      store.add(trial);
      const double median = 40 + static_cast<double>(random() % 4);
      TuningRecord record = measured_record(gemm_of(trial.key.operation), median);
      record.low_us = median - static_cast<double>(random() % 3);
      record.high_us = random() % 4 == 0 ? 0 : median + static_cast<double>(random() % 3);
      if (random() % 2 == 0) record.config = parse_config(kOther);
      if (random() % 3 == 0) record.key.regime = Regime::sustained;
      if (random() % 4 == 0) {
        const TuningKey key = record.key;
        record = predicted_record(gemm_of(key.operation), 30 + static_cast<double>(random() % 3));
        record.key = key;
      }
      record.provenance.seed = random() % 2;
      store.set_winner(record, "cubin " + std::to_string(random() % 5));
    }
  });
}

struct Content {
  std::multiset<std::string> trials;
  std::map<std::string, TuningRecord> winners;
};

std::string text_of(const Trial& trial) {
  return format(trial.key) + format(trial.config) + std::to_string(trial.measurement.median_us) +
         trial.provenance.when + trial.measurement.failure + std::to_string(trial.provenance.seed);
}

Content content_of(const std::filesystem::path& path) {
  const Store store = Store::open_read_only(path);
  Content content;
  for (const Trial& trial : store.trials()) content.trials.insert(text_of(trial));
  for (const TuningRecord& record : store.winners()) content.winners.emplace(format(record.key), record);
  return content;
}

bool operator==(const Content& a, const Content& b) {
  return a.trials == b.trials && std::ranges::equal(a.winners, b.winners, [](const auto& x, const auto& y) {
           return x.first == y.first && same(x.second, y.second);
         });
}

Content merged(const TempFolder& folder, const std::vector<std::filesystem::path>& sources) {
  static int count = 0;
  const std::filesystem::path path = folder / ("merged" + std::to_string(count++) + ".db");
  {
    Store into = Store::open(path);
    for (const auto& source : sources) merge(into, Store::open_read_only(source));
  }
  return content_of(path);
}

}  // namespace

TEST_CASE("Of two winners merging prefers the measured, then the one that is surely faster, then the tighter") {
  const auto prefers = [](const TuningRecord& a, const TuningRecord& b) {
    CHECK(is_preferred(a, b));
    CHECK_FALSE(is_preferred(b, a));
  };
  prefers(with_interval(98, 99, 100), predicted_record({256, 4608, 4608}, 1));
  prefers(with_interval(40, 41, 42), with_interval(38, 41, 44));      // the tighter of the same median
  prefers(with_interval(40.5, 41, 41.5), with_interval(36, 40, 44));  // and of medians that overlap
  prefers(with_interval(30, 32, 34), with_interval(40, 40, 40));      // the faster of those apart
  prefers(with_interval(40, 41, 42), with_interval(39, 40, 42));      // relative to the median
  prefers(with_interval(98, 99, 100), with_interval(0, 41, 0));       // a known interval
  prefers(with_interval(0, 40, 0), with_interval(0, 41, 0));
  prefers(predicted_record({256, 4608, 4608}, 1), predicted_record({256, 4608, 4608}, 2));
  CHECK_FALSE(is_preferred(measured_record(), measured_record()));
}

TEST_CASE("Two winners that differ in any field are in some order") {
  const TuningRecord record = measured_record();
  const auto is_ordered = [&](auto change) {
    TuningRecord other = record;
    change(other);
    return is_preferred(record, other) != is_preferred(other, record);
  };
  CHECK(is_ordered([](TuningRecord& r) { r.config = parse_config(kOther); }));
  CHECK(is_ordered([](TuningRecord& r) { r.tied = {parse_config(kOther)}; }));
  CHECK(is_ordered([](TuningRecord& r) { r.low_us += 1; }));
  CHECK(is_ordered([](TuningRecord& r) { r.predicted_us += 1; }));
  CHECK(is_ordered([](TuningRecord& r) { r.power_w = 1; }));
  CHECK(is_ordered([](TuningRecord& r) { r.resources.registers = 1; }));
  CHECK(is_ordered([](TuningRecord& r) { r.resources.spill_bytes = 1; }));
  CHECK(is_ordered([](TuningRecord& r) { r.resources.shared_bytes = 1; }));
  CHECK(is_ordered([](TuningRecord& r) { r.provenance.gpu_uuid = "x"; }));
  CHECK(is_ordered([](TuningRecord& r) { r.provenance.driver_version = "x"; }));
  CHECK(is_ordered([](TuningRecord& r) { r.provenance.cuda_version = "x"; }));
  CHECK(is_ordered([](TuningRecord& r) { r.provenance.nvrtc_version = "x"; }));
  CHECK(is_ordered([](TuningRecord& r) { r.provenance.ditune_version = "x"; }));
  CHECK(is_ordered([](TuningRecord& r) { r.provenance.when = "x"; }));
  CHECK(is_ordered([](TuningRecord& r) { r.provenance.sm_clock_mhz = 1; }));
  CHECK(is_ordered([](TuningRecord& r) { r.provenance.temperature_c = 1; }));
  CHECK(is_ordered([](TuningRecord& r) { r.provenance.seed = 1; }));
}

TEST_CASE("Databases merge to the same in every order, grouping and number of times") {
  const TempFolder folder;
  std::vector<std::filesystem::path> sources;
  for (unsigned i = 0; i < 4; ++i) {
    sources.push_back(folder / ("source" + std::to_string(i) + ".db"));
    write_run(sources.back(), i);
  }
  const Content all = merged(folder, sources);
  std::vector<std::size_t> order(sources.size());
  std::iota(order.begin(), order.end(), 0);
  while (std::ranges::next_permutation(order).found) {
    std::vector<std::filesystem::path> shuffled;
    for (const std::size_t i : order) shuffled.push_back(sources[i]);
    REQUIRE(merged(folder, shuffled) == all);
  }
  std::vector<std::filesystem::path> twice = sources;
  twice.insert(twice.end(), sources.begin(), sources.end());
  CHECK(merged(folder, twice) == all);

  {
    Store into = Store::open(folder / "left.db"), right = Store::open(folder / "right.db");
    merge(into, Store::open_read_only(sources[0]));
    merge(into, Store::open_read_only(sources[1]));
    merge(right, Store::open_read_only(sources[2]));
    merge(right, Store::open_read_only(sources[3]));
  }
  CHECK(merged(folder, {folder / "right.db", folder / "left.db"}) == all);
}

TEST_CASE("Shards merge in every order to what one run holds") {
  const TempFolder folder;
  const auto write = [](Store& store, int m) {
    store.add(sample_trial({m, 4608, 4608}));
    store.set_winner(measured_record({m, 4608, 4608}, 40 + m));
  };
  std::vector<std::filesystem::path> shards;
  Store whole = Store::open(folder / "whole.db");
  for (int shard = 0; shard < 4; ++shard) {
    shards.push_back(folder / ("shard" + std::to_string(shard) + ".db"));
    Store store = Store::open(shards.back());
    for (int m = 1 + shard; m <= 22; m += 4) write(store, m), write(whole, m);
  }
  do {
    REQUIRE(merged(folder, shards) == content_of(folder / "whole.db"));
  } while (std::ranges::next_permutation(shards).found);
}

TEST_CASE("Merging counts what it takes, and keeps where it came from") {
  const TempFolder folder;
  Store into = Store::open(folder / "into.db"), from = Store::open(folder / "from.db");
  into.add(sample_trial());
  from.add(sample_trial());
  Trial other = sample_trial();
  other.provenance.gpu_uuid = "GPU-of-another-machine";
  other.measurement.samples_us[1] = 40.125;
  from.add(other);
  TuningRecord winner = measured_record();
  winner.provenance.gpu_uuid = "GPU-of-another-machine";
  from.set_winner(winner);
  MergeResult result = merge(into, from);
  CHECK(result.trials == 1);
  CHECK(result.winners == 1);
  CHECK(result.refused == 0);
  REQUIRE(into.trials().size() == 2);
  CHECK(same(into.trials()[1], other));
  CHECK(same(into.winners().at(0), winner));
  result = merge(into, from);
  CHECK(result.trials == 0);
  CHECK(result.winners == 0);
}

TEST_CASE("Trials that differ in one field are both kept") {
  const TempFolder folder;
  Store into = Store::open(folder / "into.db");
  const auto is_new = [&](auto change) {
    Trial trial = sample_trial();
    change(trial);
    return into.add_if_new(trial);
  };
  CHECK(is_new([](Trial&) {}));
  CHECK_FALSE(is_new([](Trial&) {}));
  CHECK(is_new([](Trial& t) { t.key.template_hash = "ffffffffffffffff"; }));
  CHECK(is_new([](Trial& t) { t.key.regime = Regime::sustained; }));
  CHECK(is_new([](Trial& t) { t.config = parse_config(kOther); }));
  CHECK(is_new([](Trial& t) { t.measurement.samples_us.pop_back(); }));
  CHECK(is_new([](Trial& t) { t.measurement.low_us = 0; }));
  CHECK(is_new([](Trial& t) { t.measurement.power_w = 300; }));
  CHECK(is_new([](Trial& t) { t.provenance.driver_version = "581"; }));
  CHECK(is_new([](Trial& t) { t.provenance.seed = 1; }));
  CHECK(is_new([](Trial& t) { t.predicted_us = 0; }));
  CHECK_FALSE(is_new([](Trial& t) { t.predicted_us = 0; }));
}

TEST_CASE("A foreign cubin is taken only by those who trust it") {
  const TempFolder folder;
  Store from = Store::open(folder / "from.db");
  from.set_winner(measured_record(), "foreign");
  Store wary = Store::open(folder / "wary.db");
  wary.set_winner(measured_record({1, 4608, 4608}), "foreign");  // also where it is known by its content
  merge(wary, from);
  CHECK(wary.winners().size() == 2);
  for (const TuningRecord& record : wary.winners())
    CHECK(record.cubin_hash.empty() == (rows(record.key.operation) == 256));

  Store trusting = Store::open(folder / "trusting.db");
  merge(trusting, from, true);
  CHECK(trusting.cubin(trusting.winners().at(0).cubin_hash) == "foreign");
  CHECK(merge(wary, from, true).winners == 0);  // the same winner gets its cubin
  CHECK(wary.winners().at(1).cubin_hash == sha256("foreign"));

  Store own = Store::open(folder / "own.db");
  own.set_winner(measured_record(), "own");
  merge(own, from, true);
  CHECK(own.cubin(own.winners().at(0).cubin_hash) == "own");
}

TEST_CASE("Rows that a constraint refuses are counted and left") {
  const TempFolder folder;
  Store from = Store::open(folder / "from.db");
  const KernelConfig too_large = parse_config("mma_s8:tile=256x256x128,warps=2x4,stages=8");
  Trial trial = sample_trial();
  trial.config = too_large;
  from.add(trial);
  TuningRecord winner = measured_record();
  winner.config = too_large;
  from.set_winner(winner);
  TuningRecord tied = measured_record({1, 4608, 4608});
  tied.tied = {too_large};
  from.set_winner(tied);
  from.set_winner(measured_record({2, 4608, 4608}));
  from.add(sample_trial({3, 4608, 4608}));
  Database(folder / "from.db", Database::Mode::read_write)
      .execute(
          "UPDATE trials SET seed = -1, gpu_uuid = char(27) "
          "WHERE operation_id = (SELECT id FROM operations WHERE rows = 3)");
  Store into = Store::open(folder / "into.db");
  const MergeResult result = merge(into, from);
  CHECK(result.refused == 4);
  CHECK(result.trials == 0);
  REQUIRE(into.winners().size() == 1);
  CHECK(rows(into.winners()[0].key.operation) == 2);
}

TEST_CASE("Trials and winners that cannot be read are counted, each once") {
  const TempFolder folder;
  Store from = Store::open(folder / "from.db");
  from.add(sample_trial());
  from.set_winner(measured_record());
  const auto [sql, refused] =
      GENERATE(std::pair("UPDATE winners SET gpu_uuid = char(27)", 1),
               std::pair("UPDATE trials SET gpu_uuid = char(27)", 1), std::pair("UPDATE operations SET layer = ''", 2));
  Database(folder / "from.db", Database::Mode::read_write).execute(sql);
  Store into = Store::open(folder / "into.db");
  CHECK(merge(into, from).refused == refused);
  CHECK(merge(into, from).refused == refused);
}

TEST_CASE("A source that cannot be merged is refused, and nothing is made of the destination") {
  const TempFolder folder;
  const std::filesystem::path into = folder / "into.db";
  const auto refusal = [&](const std::filesystem::path& from) {
    return error_of<Error>([&] { require_mergeable(into, from); });
  };
  CHECK(contains(refusal(folder / "absent.db"), "does not exist"));
  write_run(folder / "from.db", 1);
  CHECK(refusal(folder / "from.db") == "no error");
  CHECK_FALSE(std::filesystem::exists(into));

  write_run(into, 2);
  const std::string before = read_file(into);
  CHECK(contains(refusal(into), "into itself"));
  std::filesystem::create_symlink(into, folder / "link.db");
  CHECK(contains(refusal(folder / "link.db"), "into itself"));
  std::string bytes = read_file(folder / "from.db");
  for (std::size_t i = bytes.size() / 2; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  write_file(folder / "damaged.db", bytes);
  CHECK(contains(refusal(folder / "damaged.db"), "damaged"));
  Database(folder / "from.db", Database::Mode::read_write).execute("PRAGMA user_version = 99");
  CHECK(contains(refusal(folder / "from.db"), "schema 99"));
  CHECK(read_file(into) == before);
}

TEST_CASE("Killed at any moment, a merge has happened or not") {
  const TempFolder folder;
  write_run(folder / "from.db", 1);
  write_run(folder / "base.db", 2);
  const Content before = content_of(folder / "base.db"),
                after = merged(folder, {folder / "base.db", folder / "from.db"});
  int halfway = 0, done = 0;
  std::mt19937 random(3);
  for (int round = 0; round < 40; ++round) {
    const std::filesystem::path into = folder / ("into" + std::to_string(round) + ".db");
    std::filesystem::copy_file(folder / "base.db", into);
    const ::pid_t child = ::fork();
    if (child == 0) {
      try {
        Store store = Store::open(into);
        merge(store, Store::open_read_only(folder / "from.db"));
        ::_exit(0);
      } catch (const std::exception&) {
        ::_exit(1);
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 40'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    Store store = Store::open(into);
    store.require_sound();
    Content now;
    for (const Trial& trial : store.trials()) now.trials.insert(text_of(trial));
    const bool all = now.trials == after.trials, none = now.trials == before.trials;
    CHECK((all || none));
    CHECK(all == (content_of(into).winners.size() == after.winners.size()));
    halfway += WIFSIGNALED(status);
    done += all;
  }
  CAPTURE(halfway, done);
  CHECK(halfway > 0);
}
