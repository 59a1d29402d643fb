// SPDX-License-Identifier: Apache-2.0
// A database on a network file system, worked on through a local copy.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "db/file_system.hpp"
#include "db/store.hpp"
#include "ditune/record.hpp"

namespace ditune {

// The copy has one name for each database and user, in `local_folder`: processes of one machine share it, and the
// trials and winners that a killed one added there the next takes up. A winner that it removed comes back from the
// database. The database itself is only ever replaced whole, by a rename, under a lock file beside it that any file
// system has; its readers need no locks.
class WorkingCopy {
 public:
  struct Environment {
    std::filesystem::path local_folder;  // the machine's folder for temporary files; a local database needs none
    // The name of the file system, if it is of the network.
    std::function<std::optional<std::string_view>(const std::filesystem::path&)> file_system =
        [](const std::filesystem::path& path) { return network_file_system(path); };
    // A lock file that does not change for as long was left by a process that died.
    std::chrono::milliseconds patience = std::chrono::seconds(60);
  };

  // On a local file system nothing is done. Throws DbError as Store::open does.
  WorkingCopy(const std::filesystem::path& database, Environment environment);
  WorkingCopy(const WorkingCopy&) = delete;
  WorkingCopy& operator=(const WorkingCopy&) = delete;
  // Removes the copy if all of it has been merged back and no other process works on it.
  ~WorkingCopy();

  // The file to open: the copy, or the database itself.
  const std::filesystem::path& path() const { return path_; }
  // "NFS"; empty where there is no copy.
  const std::string& file_system() const { return file_system_; }

  // Brings all trials and the winners that changed here into the database: after each layer, and at the end. A winner
  // that has changed there, too, is replaced only by one that merging prefers (merge.hpp), and stays if it went here.
  // Nothing new: nothing is done. Any thread may call it. Throws DbError naming the copy, which then stays.
  void merge_back();

 private:
  using Winners = std::map<std::string, TuningRecord>;  // by the text of their key
  class LocalUse;
  class DatabaseLock;

  void take_over();
  void replace_database(const Store& local, const Winners& winners);
  std::filesystem::path fetch(const std::string& name) const;
  bool is_merged(const Store& local) const;

  std::filesystem::path database_, path_;
  Environment environment_;
  std::string file_system_;
  std::unique_ptr<LocalUse> use_;
  std::mutex mutex_;
  Winners merged_;               // as the database had them when it was last seen, or got them
  std::set<std::string> taken_;  // keys of those that the copy took
  std::size_t trials_ = 0;       // of the copy that the database has, too
};

}  // namespace ditune
