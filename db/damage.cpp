// SPDX-License-Identifier: Apache-2.0
#include "db/damage.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "db/database_file.hpp"
#include "db/sqlite.hpp"
#include "db/store.hpp"

namespace ditune {
namespace {

bool is_damaged(const std::filesystem::path& path) {
  try {
    Store::open_read_only(path).require_sound();
    return false;
  } catch (const DamageError&) {
    if (!is_folder_writable(path)) throw;
    return true;
  }
}

// A file of a name of its own, removed unless it was renamed.
class NewFile {
 public:
  explicit NewFile(const std::filesystem::path& beside) : path_(fmt::format("{}.new-{}", beside.string(), ::getpid())) {
    remove();
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() { remove(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  void remove() const noexcept {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  std::filesystem::path path_;
};

[[noreturn]] void fail(const std::filesystem::path& path, const std::error_code& error) {
  throw DbError(DbError::Kind::failed, fmt::format("cannot keep a copy of {}: {}", path.string(), error.message()),
                "check disk and quota");
}

// The same file by a second name; a copy where a file has only one. Never over another.
void keep_as(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::create_hard_link(from, to, error);
  if (error) std::filesystem::copy_file(from, to, error);
  if (error) fail(from, error);
}

std::filesystem::path unused_name(const std::filesystem::path& path) {
  const std::string name = path.string() + ".damaged";
  std::filesystem::path found = name;
  for (int i = 2; std::filesystem::exists(std::filesystem::symlink_status(found)); ++i)
    found = fmt::format("{}-{}", name, i);
  return found;
}

// One process at a time, where the file system has such locks. Of the folder: to close a file of a database's name
// would end the locks that connections of this process have on it.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder)
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    while (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  int descriptor_;
};

std::filesystem::path log_of(const std::filesystem::path& path) { return path.string() + "-wal"; }

}  // namespace

std::optional<SetAside> set_aside_if_damaged(const std::filesystem::path& named) {
  if (inspect_file(named) != FileState::ours || !is_damaged(named)) return std::nullopt;
  const std::filesystem::path path = std::filesystem::canonical(named);  // the file, where a link leads to it
  const FolderLock folder_lock(path.parent_path());
  if (!is_damaged(path)) return std::nullopt;  // another process has been faster

  // Who has it open still writes it, and waits for this lock; once it has another name, its writes fail.
  std::optional<Database> damaged;
  std::optional<Transaction> lock;
  try {
    damaged.emplace(path, Database::Mode::read_write);
    damaged->keep_log();
    lock.emplace(*damaged);
  } catch (const DamageError&) {  // then nobody can write it
  }

  SetAside result{.file = unused_name(path)};
  const NewFile fresh(path);
  {
    Store store = Store::open(fresh.path());
    const Store::Salvaged salvaged = damaged ? store.salvage(*damaged) : Store::Salvaged{};
    result.trials = salvaged.trials;
    result.winners = salvaged.winners;
  }
  keep_as(path, result.file);
  const bool has_log = std::filesystem::exists(log_of(path));
  if (has_log) keep_as(log_of(path), log_of(result.file));
  std::error_code error;
  std::filesystem::remove(log_of(path), error);  // a log of the old file would be taken for one of the new
  std::filesystem::remove(path.string() + "-shm", error);
  std::filesystem::rename(fresh.path(), path, error);
  if (error) fail(path, error);
  return result;
}

}  // namespace ditune
