// SPDX-License-Identifier: Apache-2.0
#include "databases.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <vector>

#include "core/sha256.hpp"
#include "db/damage.hpp"
#include "db/fixtures.hpp"
#include "db/header_rows.hpp"
#include "db/merge.hpp"
#include "db/schema_1.hpp"
#include "db/schema_2.hpp"
#include "db/validate.hpp"
#include "ditune/error.hpp"
#include "fuzz.hpp"
#include "lookup/serving.hpp"

namespace ditune::fuzz {
namespace {

namespace fs = std::filesystem;
using test::same;

void write_newest(const fs::path& path) {
  Store store = Store::open(path);
  store.add(test::sample_trial());
  Trial failed = test::sample_trial({17, 4608, 4608});
  failed.measurement = {};
  failed.measurement.failure = "differs";
  store.add(failed);
  TuningRecord winner = test::measured_record();
  winner.low_us = 40.25;
  winner.high_us = 42.0000000001;
  winner.tied = {parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=4")};
  store.set_winner(winner, "a cubin");
  winner.key.regime = Regime::sustained;
  winner.power_w = 344.5;
  store.set_winner(winner, "another");
  store.set_winner(test::predicted_record({17, 4608, 4608}));
}

// A few rows of a file of that schema.
void write_schema_2(const fs::path& path) {
  test::write_sound_schema_2(path);
  Database(path, Database::Mode::read_write)
      .execute(
          "DELETE FROM trials WHERE problem_id NOT IN (1, 5); DELETE FROM winners WHERE problem_id NOT IN (1, 5);"
          "DELETE FROM problems WHERE id NOT IN (1, 5);"
          "DELETE FROM cubins WHERE hash NOT IN (SELECT cubin_hash FROM winners WHERE cubin_hash IS NOT NULL)");
}

struct Content {
  std::vector<Trial> trials;
  std::vector<TuningRecord> winners;
  int skipped = 0;
};

// Everything that is returned must be fit to be used.
Content read(const Store& store) {
  Content content;
  content.trials = store.trials();
  content.skipped = store.skipped_rows();
  content.winners = store.winners();
  content.skipped += store.skipped_rows();
  for (const Trial& trial : content.trials) {
    validate(trial);
    refusal(trial.config, target_of(trial.key));
  }
  for (const TuningRecord& winner : content.winners) {
    validate(winner);
    const std::string cubin = store.cubin(winner.cubin_hash);
    require(cubin.empty() || sha256(cubin) == winner.cubin_hash, "a cubin has its hash");
  }
  accepted([&] { return header_rows(content.winners); });
  return content;
}

bool same_rows(const Content& a, const Content& b) {
  const auto is_same = [](const auto& x, const auto& y) { return same(x, y); };
  return std::ranges::equal(a.trials, b.trials, is_same) && std::ranges::equal(a.winners, b.winners, is_same) &&
         a.skipped == b.skipped;
}

// Whether `use` gets through. All that may keep it from that is the file.
template <class Use>
bool attempt(Use&& use) {
  try {
    use();
    return true;
  } catch (const DbError& error) {
    require_message(error);
    require(error.kind() == DbError::Kind::unusable, error.what());
    return false;
  }
}

void check_merge(const fs::path& path, const fs::path& scratch, const Content& content) {
  Store into = Store::open(scratch);
  const Store from = Store::open_read_only(path);
  const MergeResult first = merge(into, from, true);
  const Content merged = read(into);
  require(merged.skipped == 0, "what was merged can be read");
  require(merged.trials.size() == static_cast<std::size_t>(first.trials), "trials are merged once");
  require(merged.trials.size() <= content.trials.size(), "merging invents no trials");
  const MergeResult second = merge(into, from, true);
  require(second.trials == 0 && second.winners == 0, "a database that was merged is there already");
  require(second.refused == first.refused, "what is refused is refused again");
  require(same_rows(merged, read(into)), "to merge again changes nothing");
  into.require_sound();
}

void write_to(const fs::path& path, const Content* content) {
  Store store = Store::open(path);
  if (content) require(same_rows(*content, read(store)), "opened for writing it has the same rows");
  Trial trial = test::sample_trial({1, 2, 3});
  trial.provenance.seed = 1;
  const bool is_new = store.add_if_new(trial);
  store.set_winner(test::measured_record({1, 2, 3}), "a cubin");
  if (!content) return;
  const Content after = read(store);
  require(after.trials.size() == content->trials.size() + is_new, "a trial is added to those that are there");
  require(after.winners.size() >= content->winners.size(), "a winner is added to those that are there");
  store.require_sound();
}

void check_set_aside(const fs::path& path, const std::string& bytes, bool sound) {
  const std::optional<SetAside> aside = set_aside_if_damaged(path);
  require(aside.has_value() != sound, "what is damaged is set aside, and nothing else");
  if (!aside) return;
  require(test::read_file(aside->file) == bytes, "the damaged file is kept");
  const Store store = Store::open_read_only(path);
  const Content content = read(store);
  require(content.skipped == 0, "what is salvaged can be read");
  require(content.trials.size() == static_cast<std::size_t>(aside->trials), "all salvaged trials are there");
  require(content.winners.size() == static_cast<std::size_t>(aside->winners), "all salvaged winners are there");
  store.require_sound();
}

}  // namespace

std::string sample_database(int schema) {
  const test::TempFolder folder;
  const fs::path path = folder / "t.db";
  if (schema == 1)
    test::write_schema_1(path);
  else if (schema == kSchemaVersion)
    write_newest(path);
  else
    write_schema_2(path);
  Database(path, Database::Mode::read_write).execute("PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM");
  return test::read_file(path);
}

void use_database(const std::string& bytes) {
  if (bytes.empty()) return;
  const test::TempFolder folder;
  const fs::path path = folder / "t.db";
  test::write_file(path, bytes);

  std::optional<Content> content;
  attempt([&] { content = read(Store::open_read_only(path)); });
  if (content) require(same_rows(*content, read(Store::open_read_only(path))), "it reads the same again");
  const bool sound = attempt([&] { Store::open_read_only(path).require_sound(); });
  require(content || !sound, "what is sound can be read");
  require(test::read_file(path) == bytes, "reading changes nothing");
  require(std::distance(fs::directory_iterator(folder.path()), {}) == 1, "reading leaves nothing beside it");

  attempt([&] {
    require_mergeable(folder / "into.db", path);
    check_merge(path, folder / "into.db", content.value());
  });
  test::write_file(folder / "written.db", bytes);
  attempt([&] { write_to(folder / "written.db", sound ? &content.value() : nullptr); });
  attempt([&] { check_set_aside(path, bytes, sound); });
}

}  // namespace ditune::fuzz
