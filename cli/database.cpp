// SPDX-License-Identifier: Apache-2.0
#include "cli/database.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/environment.hpp"
#include "cli/output.hpp"
#include "cli/skipped.hpp"
#include "core/shell.hpp"
#include "core/text.hpp"
#include "db/damage.hpp"
#include "db/database_file.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {
namespace {

// The GPU that --gpu means among those of records, which nobody else may know: one of `names`, or a known card. Throws
// UsageError.
std::string name_of(const TargetOptions& target, const std::vector<std::string>& names) {
  const auto is_meant = [&](const std::string& name) { return is_same_name(name, target.gpu); };
  const auto found = std::ranges::find_if(names, is_meant);
  return found != names.end() ? *found : choose_target(target).device.name;
}

RecordFilter filter_of(const RecordOptions& options, const Store& store) {
  const TargetOptions& target = options.target;
  RecordFilter filter;
  if (!target.arch.empty())
    filter.arch = parse_arch(target.arch);
  else if (!target.gpu.empty())
    filter.device_name = name_of(target, store.device_names());
  else if (!target.empty())
    filter.device = device_class(choose_target(target).device);
  filter.regime = options.regime;
  return filter;
}

// Records and trials of one of `layers`, of all if there are none, that have this epilogue, if it is given.
template <class Row>
std::vector<Row> matching(std::vector<Row> rows, const std::vector<Operation>& layers, const std::string& epilogue) {
  const OperationSet wanted(layers.begin(), layers.end());
  const std::optional<Epilogue> its =
      epilogue.empty() ? std::nullopt : std::optional<Epilogue>(parse_epilogue(epilogue));
  std::erase_if(rows, [&](const Row& row) {
    const Operation& operation = row.key.operation;
    if (!wanted.empty() && !wanted.contains(operation)) return true;
    const Gemm* const gemm = std::get_if<Gemm>(&operation);
    return its && !(gemm && gemm->epilogue == *its);
  });
  return rows;
}

// None where the environment has no place for one.
std::optional<std::filesystem::path> default_database() {
  if (std::string path = environment("DITUNE_DB"); !path.empty()) return path;
  if (const std::string data = environment("XDG_DATA_HOME"); !data.empty())
    return std::filesystem::path(data) / "ditune" / "tuning.db";
  if (const std::string home = environment("HOME"); !home.empty())
    return std::filesystem::path(home) / ".local" / "share" / "ditune" / "tuning.db";
  return std::nullopt;
}

}  // namespace

void add_database(CLI::App& app, std::string& db) {
  app.add_option("--db", db, "the file of records ($DITUNE_DB, or tuning.db under $XDG_DATA_HOME/ditune)");
}

void add_records(CLI::App& app, RecordOptions& options, Devices devices) {
  add_select(app, options.select);
  add_target(app, options.target, devices);
  add_database(app, options.db);
}

void add_filter(CLI::App& app, RecordOptions& options) {
  add_records(app, options);
  app.get_option("--arch")->description("all GPUs of an architecture: sm_86");
}

std::filesystem::path database_path(const std::string& db) {
  if (!db.empty()) return db;
  if (const auto path = default_database()) return *path;
  throw UsageError("no place for the database: neither $DITUNE_DB nor $HOME is set", "name it with --db FILE");
}

void set_aside_damaged(const std::filesystem::path& path) {
  if (const auto aside = set_aside_if_damaged(path))
    print_note(fmt::format("{} was damaged and is kept as {}; {} of its trials and {} of its winners were sound",
                           path.string(), aside->file.string(), aside->trials, aside->winners));
}

Records::Records(const RecordOptions& options) : options_(options) {
  const auto path = options.db.empty() ? default_database() : options.db;
  // The default one need not be there; one that cannot be looked at is no such.
  if (!options.db.empty() || (path && inspect_file(*path) != FileState::missing)) store_ = Store::open_read_only(*path);
}

std::vector<TuningRecord> Records::winners() {
  if (!store_) return {};
  const std::vector<Operation>& layers = asked_for();
  std::vector<TuningRecord> all = store_->winners(filter_of(options_, *store_));
  note_skipped(take_skipped(layers), "winner", options_.db);
  return matching(std::move(all), layers, options_.select.epilogue);
}

std::vector<Trial> Records::trials() {
  if (!store_) return {};
  const std::vector<Operation>& layers = asked_for();
  std::vector<Trial> all = store_->trials(filter_of(options_, *store_));
  note_skipped(take_skipped(layers), "trial", options_.db);
  return matching(std::move(all), layers, options_.select.epilogue);
}

std::vector<TuningRecord> Records::all_winners() {
  if (!store_) return {};
  std::vector<TuningRecord> all = store_->winners();
  note_skipped(take_skipped({}), "winner", options_.db);
  return all;
}

std::vector<Trial> Records::all_trials() {
  if (!store_) return {};
  std::vector<Trial> all = store_->trials();
  note_skipped(take_skipped({}), "trial", options_.db);
  return all;
}

const std::vector<SkippedRow>& Records::read_skipped() {
  if (!store_) return skipped_;
  const std::vector<Operation>& layers = asked_for();
  const RecordFilter filter = filter_of(options_, *store_);
  static_cast<void>(store_->winners(filter));
  take_skipped(layers);
  static_cast<void>(store_->trials(filter));
  take_skipped(layers);
  return skipped_;
}

const std::vector<Operation>& Records::asked_for() {
  if (!layers_) layers_ = select_layers(options_.select);
  return *layers_;
}

std::size_t Records::take_skipped(const std::vector<Operation>& layers) {
  const std::vector<SkippedRow> taken = of_layers(store_->skipped(), layers);
  skipped_.insert(skipped_.end(), taken.begin(), taken.end());
  return taken.size();
}

void Records::add_skipped(Json& rows) const {
  if (skipped_.empty()) return;
  for (Json& row : rows) row["skipped_rows"] = skipped_.size();
}

void Records::report_none() const {
  if (skipped_.empty())
    print_message(fmt::format("no such record in {} (ditune tune makes them)", database_path(options_.db).string()));
}

std::string show_skipped(const std::string& db) {
  return db.empty() ? "ditune show --skipped" : "ditune show --skipped --db " + shell_word(db);
}

void note_skipped(std::size_t count, std::string_view what, const std::string& db) {
  if (count > 0)
    print_note(fmt::format("{} {} skipped, with a value that is wrong or out of range ({} lists {})",
                           text::counted(static_cast<std::int64_t>(count), what), count == 1 ? "is" : "are",
                           show_skipped(db), count == 1 ? "it" : "them"));
}

std::vector<TuningRecord> of_targets(std::vector<TuningRecord> records, const std::vector<TargetOptions>& targets) {
  if (targets.empty()) return records;
  std::vector<std::string> known, names;
  for (const TuningRecord& record : records) known.push_back(record.key.device.name);
  std::vector<SmArch> archs;
  std::vector<DeviceClass> devices;
  for (const TargetOptions& target : targets) {
    if (!target.arch.empty())
      archs.push_back(parse_arch(target.arch));
    else if (!target.gpu.empty())
      names.push_back(name_of(target, known));
    else
      for (const ChosenTarget& chosen : choose_targets(target)) devices.push_back(device_class(chosen.device));
  }
  std::erase_if(records, [&](const TuningRecord& record) {
    const DeviceClass& device = record.key.device;
    return std::ranges::find(archs, device.arch) == archs.end() &&
           std::ranges::find(names, device.name) == names.end() && std::ranges::find(devices, device) == devices.end();
  });
  return records;
}

}  // namespace ditune::cli
