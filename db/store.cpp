// SPDX-License-Identifier: Apache-2.0
#include "db/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/plain_text.hpp"
#include "core/sha256.hpp"
#include "db/database_file.hpp"
#include "db/file_system.hpp"
#include "db/migrations.hpp"
#include "db/rows.hpp"
#include "db/sqlite.hpp"
#include "db/validate.hpp"

namespace ditune {
namespace {

[[noreturn]] void refuse(const std::string& what, const char* remedy) {
  throw DbError(DbError::Kind::unusable, what, remedy);
}

// The folder of a new file, made if it is not there; gone again, as long as nothing is in it, unless it is kept.
class NewFolder {
 public:
  explicit NewFolder(const std::filesystem::path& file) {
    const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
    std::error_code error;
    for (auto path = folder; !std::filesystem::exists(path, error) && path.has_relative_path();
         path = path.parent_path())
      made_.push_back(path);
    std::filesystem::create_directories(folder, error);
    if (!error) return;
    remove();
    const bool full = error == std::errc::no_space_on_device;
    throw DbError(full ? DbError::Kind::failed : DbError::Kind::unusable,
                  fmt::format("cannot make the folder {}: {}", folder.string(), error.message()),
                  full ? "free some space" : "name a file where files can be written");
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  ~NewFolder() { remove(); }
  void keep() { made_.clear(); }

 private:
  void remove() const noexcept {
    std::error_code ignored;
    for (const auto& path : made_) std::filesystem::remove(path, ignored);
  }
  std::vector<std::filesystem::path> made_;  // the innermost first
};

// Switching to WAL takes an exclusive lock for which SQLite does not wait, while another process may be doing the same.
void use_wal(Database& db) {
  using namespace std::chrono_literals;
  constexpr auto kWait = 10ms;
  for (auto waited = 0ms; db.text("PRAGMA journal_mode") != "wal"; waited += kWait) {
    try {
      db.execute("PRAGMA journal_mode = WAL");
      return;  // where the file system has no shared memory it stays with its journal, which is as safe
    } catch (const DbError& error) {
      if (error.kind() != DbError::Kind::failed || waited > 30s) throw;
      std::this_thread::sleep_for(kWait);
    }
  }
}

// How to look at a file without changing it.
Database::Mode reading_mode(const std::filesystem::path& path) {
  std::error_code error;
  // The log is beside the file, not beside a link to it.
  const auto log = std::filesystem::file_size(followed(path).string() + "-wal", error);
  const bool has_writer = !error && log > 0;
  if (!has_writer && network_file_system(path)) return Database::Mode::immutable;  // it is only replaced whole
  // The last reader to close takes the files away that WAL keeps beside it, if it may write. Who may not would leave
  // them for the owner, who could not write them.
  if (is_folder_writable(path) && is_file_writable(path)) return Database::Mode::read_write;
  return has_writer ? Database::Mode::read_only : Database::Mode::immutable;
}

// Nothing for a hash that is not there or that the bytes do not have.
std::string select_cubin(const Database& db, const std::string& hash) {
  Statement statement(db, "SELECT image FROM cubins WHERE hash = ?1");
  if (!statement.bind(hash).step()) return {};
  std::string image = statement.blob(0).value_or("");
  return sha256(image) == hash ? image : std::string();
}

std::string salvage_cubin(const Database& db, const std::string& hash) {
  try {
    return select_cubin(db, hash);
  } catch (const DamageError&) {
    return {};
  }
}

// Of a file that was made and never filled. Others may be about to fill it: they hold its lock, or find at their commit
// that it is gone.
void remove_if_empty(Database db, const std::filesystem::path& path) {
  try {
    const Transaction lock(db);
    std::error_code error;
    if (std::filesystem::file_size(path, error) == 0 && !error) std::filesystem::remove(path, error);
  } catch (const DbError&) {
    // It is in use, and not ours to remove.
  }
}

}  // namespace

struct Store::Impl {
  Database db;
  bool writable;
  std::optional<Database> older = {};  // the file, where db is a migrated copy of it
  mutable std::vector<SkippedRow> skipped = {};

  void require_writable() const {
    if (!writable) refuse(db.name() + " was opened for reading only", "open it for writing");
  }

  void drop_unused_cubins() {
    db.execute("DELETE FROM cubins WHERE hash NOT IN (SELECT cubin_hash FROM winners WHERE cubin_hash IS NOT NULL)");
  }
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Store Store::open(const std::filesystem::path& path) {
  const FileState state = inspect_file(path);
  std::optional<NewFolder> folder;
  if (state == FileState::missing) folder.emplace(path);
  if (!is_folder_writable(path) || (state != FileState::missing && !is_file_writable(path)))
    refuse(path.string() + " cannot be written", "name a file in a folder where files can be written");
  auto impl = std::make_unique<Impl>(Impl{Database(path, Database::Mode::create), true});
  if (!impl->db.writable()) refuse(path.string() + " cannot be written", "check its permissions");
  // The schema comes before WAL: the application id is then in the file itself, where inspect_file looks.
  try {
    migrate(impl->db, migrations());
    use_wal(impl->db);
  } catch (const DbError&) {
    if (state == FileState::missing) remove_if_empty(std::move(impl->db), path);
    throw;
  }
  if (folder) folder->keep();
  return Store(std::move(impl));
}

Store Store::open_read_only(const std::filesystem::path& path) {
  const FileState state = inspect_file(path);
  if (state == FileState::missing) refuse(path.string() + " does not exist", "tune first, or name another file");
  if (state == FileState::empty) refuse(path.string() + " is empty", "tune first, or name another file");
  auto impl = std::make_unique<Impl>(Impl{Database(path, reading_mode(path)), false});
  if (schema_version(impl->db, migrations().size()) < kSchemaVersion) {
    impl->older = std::exchange(impl->db, Database::in_memory(impl->db));
    migrate(impl->db, migrations());
  }
  return Store(std::move(impl));
}

void Store::add(const Trial& trial) {
  impl_->require_writable();
  validate(trial);
  Transaction transaction(impl_->db);
  insert_trial(impl_->db, trial);
  transaction.commit();
}

bool Store::add_if_new(const Trial& trial) {
  impl_->require_writable();
  validate(trial);
  Transaction transaction(impl_->db);
  const bool added = insert_trial_if_new(impl_->db, trial);
  transaction.commit();
  return added;
}

void Store::atomically(const std::function<void()>& writes) {
  impl_->require_writable();
  Transaction transaction(impl_->db);
  writes();
  transaction.commit();
}

bool Store::set_winner(const TuningRecord& record, const std::string& cubin) {
  impl_->require_writable();
  validate(record);
  Database& db = impl_->db;
  Transaction transaction(db);
  if (record.source == Source::predicted) {
    const auto stored =
        select_winners(db, {.device = record.key.device, .arch = {}, .operation = record.key.operation});
    for (const TuningRecord& winner : stored.rows)
      if (winner.key == record.key && winner.source == Source::measured) return false;
  }
  TuningRecord row = record;
  if (!cubin.empty()) {
    row.cubin_hash = sha256(cubin);
    Statement(db, "INSERT OR REPLACE INTO cubins (hash, image) VALUES (?1, ?2)")
        .bind(row.cubin_hash, Blob{cubin})
        .run();
  } else if (this->cubin(row.cubin_hash).empty()) {
    row.cubin_hash.clear();
  }
  replace_winner(db, row);
  impl_->drop_unused_cubins();
  transaction.commit();
  return true;
}

void Store::remove_winner(const TuningKey& key) {
  impl_->require_writable();
  Transaction transaction(impl_->db);
  ditune::remove_winner(impl_->db, key);
  impl_->drop_unused_cubins();
  transaction.commit();
}

std::vector<TuningRecord> Store::winners(const RecordFilter& filter) const {
  Selection<TuningRecord> selection = select_winners(impl_->db, filter);
  impl_->skipped = std::move(selection.skipped);
  return std::move(selection.rows);
}

std::vector<Trial> Store::trials(const RecordFilter& filter) const {
  Selection<Trial> selection = select_trials(impl_->db, filter);
  impl_->skipped = std::move(selection.skipped);
  return std::move(selection.rows);
}

std::vector<std::string> Store::device_names() const {
  std::vector<std::string> names;
  Statement statement(impl_->db, "SELECT DISTINCT name FROM devices ORDER BY name");
  while (statement.step())
    if (const auto name = statement.text(0)) names.emplace_back(*name);
  return names;
}

std::string Store::cubin(const std::string& hash) const { return select_cubin(impl_->db, hash); }

const std::vector<SkippedRow>& Store::skipped() const { return impl_->skipped; }

void Store::require_sound() const {
  const Database& db = impl_->db;
  const Database& file = impl_->older ? *impl_->older : db;  // indices of a migrated copy are new
  const auto require = [&](bool holds, const std::string& found) {
    if (!holds) throw DamageError(file.name() + ": it is damaged: " + to_plain(found), "restore a copy, or tune again");
  };
  // SQLite takes what the last page lacks for zeros.
  std::error_code absent;
  const std::uintmax_t size = std::filesystem::file_size(file.name(), absent);
  const auto page = static_cast<std::uintmax_t>(file.integer("PRAGMA page_size"));
  require(absent || size % page == 0, "the end of the file is missing");
  const std::string found = file.text("PRAGMA integrity_check(1)");
  require(found == "ok", found);
  require(has_newest_schema(db), "a table is missing or has other columns");
  // The next row that is added would get the id of the one that is gone, and be what the others refer to.
  const std::string dangling = db.text("SELECT ifnull(max(\"table\"), '') FROM pragma_foreign_key_check");
  require(dangling.empty(), fmt::format("a row of {} refers to one that is not there", dangling));
}

Store::Salvaged Store::salvage(const Database& damaged) {
  const std::vector<Trial> trials = salvage_trials(damaged);
  const std::vector<TuningRecord> winners = salvage_winners(damaged, trials);
  atomically([&] {
    for (const Trial& trial : trials) add(trial);
    for (const TuningRecord& winner : winners) set_winner(winner, salvage_cubin(damaged, winner.cubin_hash));
  });
  return {static_cast<int>(trials.size()), static_cast<int>(winners.size())};
}

void Store::copy_to(const std::filesystem::path& to) const {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(to, error)))
    refuse(to.string() + " exists", "name a file that does not");
  try {
    Statement(impl_->db, "VACUUM INTO ?1").bind(to.string()).run();
  } catch (const DbError&) {
    std::filesystem::remove(to, error);
    throw;
  }
}

}  // namespace ditune
