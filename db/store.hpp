// SPDX-License-Identifier: Apache-2.0
// The SQLite file that remembers: every trial, and the winner of every key (schema_1.sql and what follows it). The
// library reads it once; nothing here is on the way of a launch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ditune/error.hpp"
#include "ditune/record.hpp"

namespace ditune {

class Database;

inline constexpr int kApplicationId = 0x64697475;  // "ditu"
inline constexpr int kSchemaVersion = 3;

// What rows to return; an absent field matches all.
struct RecordFilter {
  std::optional<DeviceClass> device = {};
  std::optional<std::string> device_name = {};  // of any number of SMs
  std::optional<SmArch> arch = {};
  std::optional<Operation> operation = {};  // found by an index: the time does not grow with the file
  std::optional<Regime> regime = {};
};

// A row that was not returned, with as much of it as could be read.
struct SkippedRow {
  std::string table;  // "winners", "trials"
  std::int64_t id = 0;
  std::string device, kind, layer;  // any text
  std::int64_t rows = 0;            // any number
  std::string reason;               // and what to do
};

// A row that does not validate (a config that does not parse, a size that is not legal, a time that is not positive) is
// skipped and counted, never returned and never a crash. For one thread at a time; each thread or process may open its
// own on the same file, and writers queue. Every function throws DbError: {failed} if the machine fails, {unusable} if
// the file turns out to be damaged.
class Store {
 public:
  // Creates file and folders if need be, migrates older schemas. Throws DbError{unusable}, nothing written, for a
  // foreign or newer file and where nothing can be written.
  static Store open(const std::filesystem::path& path);
  // Opens an existing file without changing its content; immutable where its folder is not writable. Of an older schema
  // it reads a migrated copy in memory. Throws DbError{unusable}.
  static Store open_read_only(const std::filesystem::path& path);

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // One transaction each, on disk when the call returns. Throws UsageError for what could not be read back
  // (validate.hpp), DbError{unusable} if opened read-only.
  void add(const Trial& trial);
  // Unless the very same trial is there, all fields equal. Returns whether it was added.
  bool add_if_new(const Trial& trial);
  // Keeps `record` as the winner of its key, and `cubin` by its hash, unless the record is predicted and the key has a
  // measured winner. Returns whether it was kept. Without `cubin`, the stored one of record.cubin_hash if there is one.
  bool set_winner(const TuningRecord& record, const std::string& cubin = {});
  // The key has no winner then; its trials stay.
  void remove_winner(const TuningKey& key);

  // What `writes` adds and sets is one transaction: all of it, or nothing if it throws.
  void atomically(const std::function<void()>& writes);

  // By device, then layer, rows, regime. Rows of an older template hash are among them.
  std::vector<TuningRecord> winners(const RecordFilter& filter = {}) const;
  // As drivers name them, each once.
  std::vector<std::string> device_names() const;
  // In the order of trying, by the second and then as they were added.
  std::vector<Trial> trials(const RecordFilter& filter = {}) const;
  // Throws nothing for a hash that is not there or does not match: empty.
  std::string cubin(const std::string& hash) const;
  // Of those that matched, by the last winners() or trials().
  const std::vector<SkippedRow>& skipped() const;
  int skipped_rows() const { return static_cast<int>(skipped().size()); }

  // Reads every page and index. Throws DbError{unusable} if something is wrong with one, if a table is missing or has
  // other columns, and if a row refers to one that is not there.
  void require_sound() const;

  // Takes of the damaged database what salvage_trials and salvage_winners believe, in one transaction.
  struct Salvaged {
    int trials = 0, winners = 0;
  };
  Salvaged salvage(const Database& damaged);

  // VACUUM INTO: a consistent copy of a live file. Throws DbError{unusable} if `to` exists or cannot be written.
  void copy_to(const std::filesystem::path& to) const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ditune
