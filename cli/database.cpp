#include "cli/database.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/environment.hpp"
#include "cli/output.hpp"
#include "db/damage.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {
namespace {

RecordFilter filter_of(const RecordOptions& options) {
  RecordFilter filter;
  if (!options.target.arch.empty())
    filter.arch = parse_arch(options.target.arch);
  else if (!options.target.empty())
    filter.device = device_class(choose_target(options.target).device);
  if (!options.select.epilogue.empty()) filter.epilogue = parse_epilogue(options.select.epilogue);
  filter.regime = options.regime;
  return filter;
}

// Records and trials of one of `layers`; all if there are none.
template <class Row>
std::vector<Row> matching(std::vector<Row> rows, const std::vector<SelectedLayer>& layers) {
  if (layers.empty()) return rows;
  std::erase_if(rows, [&](const Row& row) {
    return std::ranges::none_of(layers, [&](const SelectedLayer& layer) {
      return layer.problem == row.key.problem && layer.epilogue == row.key.epilogue;
    });
  });
  return rows;
}

}  // namespace

void add_database(CLI::App& app, std::string& db) {
  app.add_option("--db", db, "the file of records ($DITUNE_DB, or tuning.db under $XDG_DATA_HOME/ditune)");
}

void add_records(CLI::App& app, RecordOptions& options) {
  add_select(app, options.select);
  add_target(app, options.target);
  add_database(app, options.db);
}

std::filesystem::path database_path(const std::string& db) {
  if (!db.empty()) return db;
  if (const std::string path = environment("DITUNE_DB"); !path.empty()) return path;
  if (const std::string data = environment("XDG_DATA_HOME"); !data.empty())
    return std::filesystem::path(data) / "ditune" / "tuning.db";
  if (const std::string home = environment("HOME"); !home.empty())
    return std::filesystem::path(home) / ".local" / "share" / "ditune" / "tuning.db";
  throw UsageError("no place for the database: neither $DITUNE_DB nor $HOME is set", "name it with --db FILE");
}

void set_aside_damaged(const std::filesystem::path& path) {
  if (const auto aside = set_aside_if_damaged(path))
    print_note(fmt::format("{} was damaged and is kept as {}; {} of its trials and {} of its winners were sound",
                           path.string(), aside->file.string(), aside->trials, aside->winners));
}

std::optional<Store> open_existing(const std::string& db) {
  const std::filesystem::path path = database_path(db);
  std::error_code ignored;
  if (db.empty() && !std::filesystem::exists(path, ignored)) return std::nullopt;
  return Store::open_read_only(path);
}

std::vector<TuningRecord> select_winners(const Store& store, const RecordOptions& options) {
  return matching(store.winners(filter_of(options)), select_layers(options.select));
}

std::vector<TuningRecord> select_winners(const Store& store, const RecordOptions& options,
                                         const std::vector<TargetOptions>& targets) {
  std::vector<TuningRecord> records = select_winners(store, options);
  if (targets.empty()) return records;
  std::vector<SmArch> archs;
  std::vector<DeviceClass> devices;
  for (const TargetOptions& target : targets) {
    if (!target.arch.empty())
      archs.push_back(parse_arch(target.arch));
    else
      for (const ChosenTarget& chosen : choose_targets(target)) devices.push_back(device_class(chosen.device));
  }
  std::erase_if(records, [&](const TuningRecord& record) {
    const DeviceClass& device = record.key.device;
    return std::ranges::find(archs, device.arch) == archs.end() && std::ranges::find(devices, device) == devices.end();
  });
  return records;
}

std::vector<Trial> select_trials(const Store& store, const RecordOptions& options) {
  return matching(store.trials(filter_of(options)), select_layers(options.select));
}

void report_no_records(const RecordOptions& options) {
  print_message(fmt::format("no such record in {} (ditune tune makes them)", database_path(options.db).string()));
}

}  // namespace ditune::cli
