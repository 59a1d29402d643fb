// SPDX-License-Identifier: Apache-2.0
// Which file the records are in, and what is read from it.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/output.hpp"
#include "cli/select.hpp"
#include "cli/target.hpp"
#include "db/store.hpp"

namespace ditune::cli {

// What a command on records is asked for.
struct RecordOptions {
  SelectOptions select;
  TargetOptions target;
  std::string db;
  std::optional<Regime> regime;
};

void add_database(CLI::App& app, std::string& db);
void add_records(CLI::App& app, RecordOptions& options, Devices devices = Devices::one);
// Of a command that shows records, where --arch means every GPU of an architecture.
void add_filter(CLI::App& app, RecordOptions& options);

// `db` if it is not empty, else $DITUNE_DB, else $XDG_DATA_HOME/ditune/tuning.db, else ~/.local/share/ditune/tuning.db.
// Throws UsageError if there is no home either.
std::filesystem::path database_path(const std::string& db);

// For those who write: a damaged file is set aside, with a line on standard error (db/damage.hpp). Before it is opened.
void set_aside_damaged(const std::filesystem::path& path);

// What a command reads of the database. Rows that do not validate are skipped, with a note on standard error that says
// how many.
class Records {
 public:
  // Opens the file for reading; the default one need not be there. Throws DbError.
  explicit Records(const RecordOptions& options);
  // Of a store that is open already.
  Records(Store store, const RecordOptions& options) : options_(options), store_(std::move(store)) {}

  // Rows that the options select; an option that is left out selects all.
  std::vector<TuningRecord> winners();
  std::vector<Trial> trials();
  // All rows of the file.
  std::vector<TuningRecord> all_winners();
  std::vector<Trial> all_trials();
  // The skipped rows among the selected winners and trials. Prints no note.
  const std::vector<SkippedRow>& read_skipped();

  const std::optional<Store>& store() const { return store_; }
  // The rows that the calls so far skipped.
  const std::vector<SkippedRow>& skipped() const { return skipped_; }
  // Adds their number to each row of a JSON array, if there are any.
  void add_skipped(Json& rows) const;
  // Prints that no row was found, unless rows were skipped: their note says enough.
  void report_none() const;

 private:
  const std::vector<Operation>& asked_for();
  // Adds the rows that the store's last call skipped, of these layers; returns how many.
  std::size_t take_skipped(const std::vector<Operation>& layers);

  RecordOptions options_;
  std::optional<Store> store_;
  std::optional<std::vector<Operation>> layers_;  // read once: a list may come from standard input
  std::vector<SkippedRow> skipped_;
};

// Those of `records` that are of any of `targets`; all if there are none.
std::vector<TuningRecord> of_targets(std::vector<TuningRecord> records, const std::vector<TargetOptions>& targets);

// "ditune show --skipped", with --db where `db` needs it: what lists the rows that are skipped.
std::string show_skipped(const std::string& db);

// Prints a note that `count` rows are skipped, unless that is 0. `what` is the row: "winner" or "trial".
void note_skipped(std::size_t count, std::string_view what, const std::string& db);

}  // namespace ditune::cli
