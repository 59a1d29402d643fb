// SPDX-License-Identifier: Apache-2.0
#include "db/working_copy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "core/sha256.hpp"
#include "db/database_file.hpp"
#include "db/merge.hpp"
#include "ditune/error.hpp"

namespace ditune {
namespace {

constexpr const char* kLocalRemedy = "set TMPDIR to a folder that has room and can be written";

[[noreturn]] void fail_local(const std::string& what, const std::error_code& error) {
  throw DbError(DbError::Kind::failed, fmt::format("{}: {}", what, error.message()), kLocalRemedy);
}

[[noreturn]] void fail(const std::string& what, const std::error_code& error, DbError::Kind kind) {
  throw DbError(kind, fmt::format("{}: {}", what, error.message()), "check permissions, disk and quota");
}

std::error_code last_error() { return {errno, std::generic_category()}; }

// No other user may have made it: what is copied there is trusted.
std::filesystem::path own_folder(const std::filesystem::path& parent) {
  std::filesystem::path folder = parent / fmt::format("ditune-{}", ::geteuid());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    fail_local(fmt::format("cannot make the folder {}", folder.string()), last_error());
  struct ::stat status {};
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() ||
      (status.st_mode & 0022) != 0)
    throw DbError(DbError::Kind::unusable, fmt::format("the folder {} belongs to others", folder.string()),
                  "remove it, or set TMPDIR to another folder");
  return folder;
}

std::filesystem::path beside(const std::filesystem::path& path, const char* suffix) { return path.string() + suffix; }

void remove_database(const std::filesystem::path& path) {
  std::error_code ignored;
  for (const char* suffix : {"-wal", "-shm", "-journal", ""}) std::filesystem::remove(beside(path, suffix), ignored);
}

// A file that goes when it is left.
class Scratch {
 public:
  explicit Scratch(std::filesystem::path path) : path_(std::move(path)) { remove_database(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { remove_database(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void copy_whole(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::copy_file(from, to, error);
  if (error) fail(fmt::format("cannot copy {} to {}", from.string(), to.string()), error, DbError::Kind::failed);
}

// So that it is whole on the server before it gets its name.
void flush(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool flushed = descriptor >= 0 && ::fsync(descriptor) == 0;
  const std::error_code error = last_error();
  if (descriptor >= 0) ::close(descriptor);
  if (!flushed) fail(fmt::format("cannot write {}", path.string()), error, DbError::Kind::failed);
}

std::string host_name() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return host.data();
}

std::string unique_suffix() {
  return fmt::format("{}-{}-{}", host_name(), ::getpid(), std::hash<std::thread::id>()(std::this_thread::get_id()));
}

std::map<std::string, TuningRecord> winners_of(const Store& store) {
  std::map<std::string, TuningRecord> winners;
  for (TuningRecord& record : store.winners()) winners.emplace(format(record.key), std::move(record));
  return winners;
}

// But for the cubin.
bool is_same(const TuningRecord& a, const TuningRecord& b) { return !is_preferred(a, b) && !is_preferred(b, a); }

bool holds(const std::map<std::string, TuningRecord>& winners, const std::string& key, const TuningRecord& record) {
  const auto found = winners.find(key);
  return found != winners.end() && is_same(found->second, record);
}

}  // namespace

// The presence of a process that works on the copy.
class WorkingCopy::LocalUse {
 public:
  explicit LocalUse(const std::filesystem::path& path)
      : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (descriptor_ < 0 || !lock(LOCK_SH)) fail_local(fmt::format("cannot lock {}", path.string()), last_error());
  }
  LocalUse(const LocalUse&) = delete;
  LocalUse& operator=(const LocalUse&) = delete;
  ~LocalUse() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  // Whether no other process is there; from then on none comes.
  bool is_alone() const { return lock(LOCK_EX | LOCK_NB); }

 private:
  bool lock(int how) const {
    int failed = 0;
    do failed = ::flock(descriptor_, how);
    while (failed != 0 && errno == EINTR);
    return failed == 0;
  }
  int descriptor_;
};

// A file that only one process can make, which every file system sees to.
class WorkingCopy::DatabaseLock {
 public:
  DatabaseLock(std::filesystem::path path, std::chrono::milliseconds patience)
      : path_(std::move(path)), content_(unique_suffix()) {
    using Clock = std::chrono::steady_clock;
    std::string seen;
    Clock::time_point since = Clock::now();
    while (!make()) {
      if (const std::string now = state(); now != seen) {
        seen = now;
        since = Clock::now();
      } else if (Clock::now() - since > patience) {
        std::error_code ignored;  // another may have been faster
        const std::filesystem::path stale = beside(path_, (".stale-" + content_).c_str());
        std::filesystem::rename(path_, stale, ignored);
        std::filesystem::remove(stale, ignored);
      }
      constexpr auto kPoll = std::chrono::milliseconds(20);
      std::this_thread::sleep_for(kPoll);
    }
    try {
      heartbeat_ = std::jthread([this, every = patience / 4](const std::stop_token& stop) { beat(stop, every); });
    } catch (const std::system_error&) {
      // No thread is to be had: it goes without.
    }
  }
  DatabaseLock(const DatabaseLock&) = delete;
  DatabaseLock& operator=(const DatabaseLock&) = delete;
  ~DatabaseLock() {
    heartbeat_ = {};
    std::error_code ignored;
    if (is_held()) std::filesystem::remove(path_, ignored);
  }
  // False if others took this process for dead.
  bool is_held() const {
    std::ifstream file(path_);
    return std::string(std::istreambuf_iterator<char>(file), {}) == content_;
  }

 private:
  bool make() const {
    const int descriptor = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (descriptor < 0) {
      if (errno == EEXIST) return false;
      fail(fmt::format("cannot make {}", path_.string()), last_error(),
           errno == ENOSPC || errno == EDQUOT ? DbError::Kind::failed : DbError::Kind::unusable);
    }
    const auto size = static_cast<::ssize_t>(content_.size());
    const bool written = ::write(descriptor, content_.data(), content_.size()) == size;
    const std::error_code error = last_error();
    ::close(descriptor);
    if (!written) {
      std::error_code ignored;
      std::filesystem::remove(path_, ignored);
      fail(fmt::format("cannot write {}", path_.string()), error, DbError::Kind::failed);
    }
    return true;
  }
  // The file changes as long as its holder lives, however long the work takes.
  void beat(const std::stop_token& stop, std::chrono::milliseconds every) const {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any stopped;
    while (!stopped.wait_for(lock, stop, every, [&] { return stop.stop_requested(); })) {
      std::error_code ignored;
      if (is_held()) std::filesystem::last_write_time(path_, std::filesystem::file_time_type::clock::now(), ignored);
    }
  }
  // Differs from one holder to the next, and from one sign of life to the next.
  std::string state() const {
    struct ::stat status {};
    if (::stat(path_.c_str(), &status) != 0) return {};
    std::ifstream file(path_);
    return fmt::format("{} {}.{} {}", status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                       std::string(std::istreambuf_iterator<char>(file), {}));
  }
  std::filesystem::path path_;
  std::string content_;
  std::jthread heartbeat_;
};

WorkingCopy::WorkingCopy(const std::filesystem::path& database, Environment environment)
    : database_(followed(database)),
      path_(database),
      environment_(std::move(environment)),
      file_system_(environment_.file_system(database).value_or("")) {
  if (file_system_.empty()) return;
  constexpr std::size_t kNameDigits = 16;
  const std::filesystem::path folder = own_folder(environment_.local_folder);
  const std::string machine = environment_.file_system(folder) ? host_name() + "\n" : "";  // others see the folder, too
  path_ = folder / (sha256(machine + database_.string()).substr(0, kNameDigits) + ".db");
  use_ = std::make_unique<LocalUse>(beside(path_, ".lock"));
  try {
    take_over();
  } catch (const DbError& error) {
    throw DbError(error.kind(), fmt::format("{} on {}: {}", database_.string(), file_system_, error.what()), "");
  }
}

WorkingCopy::~WorkingCopy() {
  if (!use_) return;
  try {
    if (use_->is_alone() && is_merged(Store::open_read_only(path_))) remove_database(path_);
  } catch (const std::exception&) {
    // The copy stays for the next process.
  }
}

// The database as it is now; its name if there is one.
std::filesystem::path WorkingCopy::fetch(const std::string& name) const {
  std::filesystem::path to = path_.parent_path() / name;
  if (inspect_file(database_) == FileState::ours) {
    copy_whole(database_, to);
    // Of a program that wrote it there in place.
    for (const char* suffix : {"-wal", "-journal"})
      if (std::filesystem::exists(beside(database_, suffix))) copy_whole(beside(database_, suffix), beside(to, suffix));
  }
  return to;
}

void WorkingCopy::take_over() {
  if (!is_folder_writable(database_))
    throw DbError(DbError::Kind::unusable, "its folder cannot be written", "name a file where files can be written");
  const Scratch there(path_.parent_path() / ("there-" + unique_suffix()));
  fetch(there.path().filename().string());
  Store local = Store::open(path_);
  if (!std::filesystem::exists(there.path())) return;
  const Store store = Store::open(there.path());
  merge(local, store, /*trust_binaries=*/true);
  merged_ = winners_of(store);
  for (const auto& [key, record] : winners_of(local))
    if (merged_.contains(key)) taken_.insert(key);
  const std::size_t trials = store.trials().size();
  if (local.trials().size() == trials) trials_ = trials;
}

bool WorkingCopy::is_merged(const Store& local) const {
  if (local.trials().size() != trials_) return false;
  const Winners winners = winners_of(local);
  return std::ranges::all_of(taken_, [&](const std::string& key) { return winners.contains(key); }) &&
         std::ranges::all_of(winners, [&](const auto& its) { return holds(merged_, its.first, its.second); });
}

void WorkingCopy::merge_back() {
  if (!use_) return;
  const std::lock_guard guard(mutex_);
  try {
    const Store local = Store::open_read_only(path_);
    if (is_merged(local)) return;
    replace_database(local, winners_of(local));
  } catch (const DbError& error) {
    throw DbError(error.kind(), fmt::format("cannot merge back into {}: {}", database_.string(), error.what()),
                  fmt::format("the records are in {}; ditune merge takes them from there", path_.string()));
  }
}

void WorkingCopy::replace_database(const Store& local, const Winners& winners) {
  const std::vector<Trial> trials = local.trials();
  for (bool replaced = false; !replaced;) {
    const DatabaseLock lock(beside(database_, ".lock"), environment_.patience);
    const Scratch work(path_.parent_path() / ("work-" + unique_suffix()));
    const Scratch whole(path_.parent_path() / ("whole-" + unique_suffix()));
    const Scratch arrived(beside(database_, (".new-" + unique_suffix()).c_str()));
    fetch(work.path().filename().string());
    {
      Store store = Store::open(work.path());
      const Winners there = winners_of(store);
      store.atomically([&] {
        for (const Trial& trial : trials) store.add_if_new(trial);
        for (const auto& [key, record] : winners) {
          if (holds(merged_, key, record)) continue;  // not changed here
          const auto current = there.find(key);
          const bool changed_there = current != there.end() && !holds(merged_, key, current->second);
          if (!changed_there || is_preferred(record, current->second))
            store.set_winner(record, local.cubin(record.cubin_hash));
        }
        for (const std::string& key : taken_)
          if (const auto current = there.find(key);
              !winners.contains(key) && current != there.end() && holds(merged_, key, current->second))
            store.remove_winner(current->second.key);
      });
      store.copy_to(whole.path());
    }
    copy_whole(whole.path(), arrived.path());
    flush(arrived.path());
    if (!lock.is_held()) continue;
    std::error_code error;
    for (const char* suffix : {"-wal", "-shm", "-journal"}) std::filesystem::remove(beside(database_, suffix), error);
    std::filesystem::rename(arrived.path(), database_, error);
    if (error) fail(fmt::format("cannot replace {}", database_.string()), error, DbError::Kind::failed);
    replaced = true;
  }
  merged_ = winners;
  taken_.clear();
  for (const auto& [key, record] : winners) taken_.insert(key);
  trials_ = trials.size();
}

}  // namespace ditune
