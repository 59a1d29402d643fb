// ditune export: winners as a header for programs that carry neither NVRTC nor SQLite.
#include <fmt/format.h>

#include <array>
#include <string_view>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/files.hpp"
#include "cli/values.hpp"
#include "db/export_header.hpp"
#include "db/header_rows.hpp"
#include "ditune/error.hpp"
#include "templates/embedded.hpp"
#include "tuner/compile_only.hpp"

namespace ditune::cli {
namespace {

constexpr std::array<std::string_view, 3> kEmbedWords{"none", "source", "cubin"};  // as in Embed

struct Options {
  RecordOptions records;
  std::string header;
  Embed embed = Embed::cubin;
  Regime regime = Regime::burst;
};

// Winners from another database come without their kernels: these are compiled here and kept.
void compile_missing(const std::vector<TuningRecord>& records, const Store& stored, const std::string& db) {
  std::vector<TuningRecord> missing;
  for (const TuningRecord& record : records)
    if (record.key.template_hash == template_hash(family_name(record.config)) &&
        stored.cubin(record.cubin_hash).empty())
      missing.push_back(record);
  if (missing.empty()) return;
  const TuneBackend compiler = compile_only_backend();
  Store store = Store::open(database_path(db));
  for (const TuningRecord& record : missing)
    store.set_winner(record, compiler.cubin(target_of(record.key), record.config));
}

ExitCode export_winners(const Options& options) {
  require_writable(options.header);
  const auto store = open_existing(options.records.db);
  auto records = store ? select_winners(*store, options.records) : std::vector<TuningRecord>{};
  if (options.embed == Embed::cubin && !records.empty()) {
    compile_missing(records, *store, options.records.db);
    records = select_winners(*store, options.records);
  }
  if (!store || records.empty()) {
    report_no_records(options.records);
    return kBadAnswer;
  }
  write_file(options.header, export_header(*store, records, options.embed, options.regime));
  fmt::print("{}: {} {}\n", options.header, records.size(), records.size() == 1 ? "record" : "records");
  return kDone;
}

}  // namespace

void add_export(CLI::App& app, Run& run) {
  const Command<Options> command(app, run, "export", "winners as a C++17 header without dependencies", export_winners);
  Options& options = *command.options;
  command.app->add_option("--header", options.header, "the file to write")->required();
  add_word(*command.app, "--embed", kEmbedWords, "what of the kernels (cubin)",
           [&options](std::size_t index) { options.embed = static_cast<Embed>(index); });
  add_regime(*command.app, options.regime, "whose winners are preferred (burst)");
  add_records(*command.app, options.records);
}

}  // namespace ditune::cli
