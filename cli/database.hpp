// Which file the records are in, and what is read from it.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

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

// `db` if it is not empty, else $DITUNE_DB, else $XDG_DATA_HOME/ditune/tuning.db, else ~/.local/share/ditune/tuning.db.
// Throws UsageError if there is no home either.
std::filesystem::path database_path(const std::string& db);

// For those who write: a damaged file is set aside, with a line on standard error (db/damage.hpp). Before it is opened.
void set_aside_damaged(const std::filesystem::path& path);

// The file opened for reading; nothing if it is the default one and not there yet. Throws DbError.
std::optional<Store> open_existing(const std::string& db);

// What is asked for of the winners in `store`: what is left out of the options matches all.
std::vector<TuningRecord> select_winners(const Store& store, const RecordOptions& options);

// Those that are of any of `targets` as well; all if there are none.
std::vector<TuningRecord> select_winners(const Store& store, const RecordOptions& options,
                                         const std::vector<TargetOptions>& targets);

// What is asked for of the trials.
std::vector<Trial> select_trials(const Store& store, const RecordOptions& options);

// A word on standard error for those who found none.
void report_no_records(const RecordOptions& options);

}  // namespace ditune::cli
