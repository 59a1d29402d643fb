// The SQLite file that remembers: every trial, and the winner of every key. DESIGN: WAL, synchronous=FULL, BEGIN IMMEDIATE.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ditune/error.hpp"
#include "ditune/record.hpp"

namespace ditune {

inline constexpr int kApplicationId = 0x64697475;  // "ditu"
inline constexpr int kSchemaVersion = 1;

// What rows to return; an absent field matches all.
struct RecordFilter {
  std::optional<DeviceClass> device;
  std::optional<SmArch> arch;
  std::vector<GemmProblem> problems;  // empty: all
  std::optional<Epilogue> epilogue;
};

// A row that does not validate (a config that does not parse, a size that is not legal, a hash that does not match its
// blob) is skipped and counted, never returned and never a crash.
class Store {
 public:
  // Creates file and folders if need be, migrates older schemas. Throws DbError{unusable} for a foreign or newer file.
  static Store open(const std::filesystem::path& path);
  // Opens an existing file without writing to it (immutable where its folder is not writable). Throws DbError{unusable}.
  static Store open_read_only(const std::filesystem::path& path);

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // One committed transaction each.
  void add(const Trial& trial);
  // Keeps `record` as the winner of its key and the cubin by its hash, unless the record is predicted and the key has a
  // measured winner. Returns whether it was kept.
  bool set_winner(const TuningRecord& record, const std::string& cubin = {});

  std::vector<TuningRecord> winners(const RecordFilter& filter = {}) const;
  std::vector<Trial> trials(const RecordFilter& filter = {}) const;
  // Throws nothing for a hash that is not there or does not match: empty.
  std::string cubin(const std::string& hash) const;
  int skipped_rows() const;  // by the last winners() or trials()

  // VACUUM INTO: a consistent copy of a live file. Throws if `to` exists.
  void copy_to(const std::filesystem::path& to) const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ditune
