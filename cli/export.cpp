// ditune export: winners as a header for programs that carry neither NVRTC nor SQLite.
#include <fmt/format.h>

#include <map>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/files.hpp"
#include "db/export_header.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {
namespace {

struct Options {
  RecordOptions records;
  std::string header;
  Embed embed = Embed::cubin;
};

ExitCode export_winners(const Options& options) {
  require_writable(options.header);
  const auto store = open_existing(options.records.db);
  const auto records = store ? select_winners(*store, options.records) : std::vector<TuningRecord>{};
  if (!store || records.empty()) {
    report_no_records(options.records);
    return kBadAnswer;
  }
  write_file(options.header, export_header(*store, records, options.embed));
  fmt::print("{}: {} {}\n", options.header, records.size(), records.size() == 1 ? "record" : "records");
  return kDone;
}

}  // namespace

void add_export(CLI::App& app, Run& run) {
  const Command<Options> command(app, run, "export", "winners as a C++17 header without dependencies", export_winners);
  const std::map<std::string, Embed> embeds = {
      {"cubin", Embed::cubin}, {"source", Embed::source}, {"none", Embed::none}};
  command.app->add_option("--header", command.options->header, "the file to write")->required();
  command.app->add_option("--embed", command.options->embed, "what of the kernels: cubin, source or none (cubin)")
      ->transform(CLI::Transformer(embeds));
  add_records(*command.app, command.options->records);
}

}  // namespace ditune::cli
