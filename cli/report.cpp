// SPDX-License-Identifier: Apache-2.0
// ditune report: writes the records of layers on a GPU as one HTML page.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "cli/bench_file.hpp"
#include "cli/command.hpp"
#include "cli/command_line.hpp"
#include "cli/database.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"
#include "core/kind.hpp"
#include "core/shell.hpp"
#include "core/text.hpp"
#include "ditune/error.hpp"
#include "report/layer_times.hpp"
#include "report/page.hpp"
#include "tuner/measure/provenance.hpp"

namespace ditune::cli {
namespace {

struct ReportFlags {
  const CLI::App* app = nullptr;  // whose command line is told
  RecordOptions records;
  Regime regime = Regime::burst;
  std::vector<std::string> benchmarks;
  std::string against, heat_map, output;
};

constexpr std::size_t kMostNamed = 20;  // operations in a command

const std::vector<std::string> kSelect = {"--model",  "--resolution", "--batch",     "--frames",   "--text-tokens",
                                          "--linear", "--shape",      "--operation", "--problems", "--epilogue"};

// "tile_n,tile_m"
report::DimensionPair parse_heat_map(const std::string& text) {
  const std::vector<std::string_view> names = report::dimension_names();
  const std::string hint = "the dimensions are " + text::join(names);
  const std::size_t comma = std::min(text.find(','), text.size());
  report::DimensionPair pair{text.substr(0, comma), text.substr(std::min(comma + 1, text.size()))};
  for (const std::string& name : {pair.x, pair.y})
    if (std::ranges::find(names, name) == names.end())
      throw UsageError(fmt::format("--heat-map {} is not X,Y of two dimensions: '{}' is none", text, name), hint);
  if (pair.x == pair.y) throw UsageError(fmt::format("--heat-map {} names one dimension twice", text), hint);
  if (!report::is_of_one_family(pair))
    throw UsageError(fmt::format("--heat-map {}: no kernel family has both", text), hint);
  return pair;
}

std::vector<report::RefusedRow> refused(const std::vector<SkippedRow>& rows) {
  std::vector<report::RefusedRow> all;
  for (const SkippedRow& row : rows)
    all.push_back(
        {row.table,
         fmt::format("{} of {}:{}, {}, on {}", row.id, row.kind, row.layer, text::counted(row.rows, "row"), row.device),
         row.reason});
  return all;
}

std::vector<report::Layer> selected(const ReportFlags& options) {
  std::vector<report::Layer> layers;
  for (const ModelLayer& layer : select_calls(options.records.select))
    layers.push_back({layer.linear, layer.operation, layer.count});
  return layers;
}

// What the device has winners of, each once.
std::vector<report::Layer> layers_of(const std::vector<TuningRecord>& winners, const DeviceClass& device) {
  std::vector<report::Layer> layers;
  OperationSet known;
  for (const TuningRecord& winner : winners)
    if (winner.key.device == device && known.insert(winner.key.operation).second)
      layers.push_back({"", winner.key.operation, 1});
  return layers;
}

std::vector<TuningRecord> of_layers(std::vector<TuningRecord> records, const std::vector<report::Layer>& layers) {
  OperationSet wanted;
  for (const report::Layer& layer : layers) wanted.insert(layer.operation);
  std::erase_if(records, [&](const TuningRecord& record) { return !wanted.contains(record.key.operation); });
  return records;
}

// The device of the records. Throws UsageError if they are of several devices.
DeviceClass only_device(const std::vector<TuningRecord>& records) {
  std::map<DeviceClass, std::size_t> counts;
  std::set<std::string> names;
  for (const TuningRecord& record : records) {
    ++counts[record.key.device];
    names.insert(record.key.device.name);
  }
  if (names.size() > 1)
    throw UsageError(fmt::format("the winners are of {} GPUs: {}", names.size(), fmt::join(names, ", ")),
                     "name the one that the report is about: --gpu NAME");
  return std::ranges::max_element(counts, {}, &std::pair<const DeviceClass, std::size_t>::second)->first;
}

// "ideogram4 at 1024x1024"
std::string describe_model(const SelectOptions& select) {
  if (select.model.empty()) return "";
  const ModelInput& input = select.input;
  std::string text = fmt::format("{} at {}x{}", select.model, input.resolution.width, input.resolution.height);
  if (input.batch > 1) text += fmt::format(", batch {}", input.batch);
  if (input.frames) text += ", " + text::counted(*input.frames, "frame");
  if (input.text_tokens) text += ", " + text::counted(*input.text_tokens, "text token");
  if (!select.linear.empty()) text += fmt::format(", {} alone", select.linear);
  return text;
}

// What selects the same layers; empty where that takes too long a line.
std::string select_line(const ReportFlags& options, const std::vector<report::Layer>& layers) {
  if (!options.records.select.empty()) return options_line(*options.app, kSelect);
  if (layers.size() > kMostNamed) return "";
  std::string line;
  for (const report::Layer& layer : layers) line += " --operation " + shell_word(format(layer.operation));
  return line;
}

// The peers that bench has for these operations.
std::string peers_line(const std::vector<report::Layer>& layers) {
  std::string line;
  for (const auto& [rate, peer] : {std::pair{Rate::operations, "cublaslt"}, std::pair{Rate::bytes, "copy"}})
    if (std::ranges::any_of(layers, [rate = rate](const report::Layer& l) { return rate_of(l.operation) == rate; }))
      line += fmt::format(" --against {}", peer);
  return line;
}

std::vector<report::Command> commands_of(const ReportFlags& options, const report::Rows& rows) {
  std::vector<report::Command> commands = {{"This page", "ditune report" + options_line(*options.app)}};
  for (const report::StepBenchmark& steps : rows.steps)
    commands.push_back({"The steps of " + steps.file, steps.command});
  const std::string select = select_line(options, rows.layers);
  if (select.empty()) return commands;
  const std::string words = select + where_words(rows.device.name, rows.file, rows.regime);
  commands.push_back({"The winners (--retune measures again what is there)", "ditune tune" + words});
  commands.push_back({"A benchmark for --bench, on the GPU",
                      fmt::format("ditune bench{}{} --json > bench.json", words, peers_line(rows.layers))});
  return commands;
}

report::OtherDatabase read_other(const std::string& path) {
  const Store store = Store::open_read_only(path);
  report::OtherDatabase other{.file = path, .records = store.winners()};
  other.refused = refused(store.skipped());
  note_skipped(store.skipped().size(), "winner", path);
  return other;
}

ExitCode write_report(const ReportFlags& options) {
  require_writable(options.output);
  report::Rows rows{.file = database_path(options.records.db).string(),
                    .model = describe_model(options.records.select),
                    .regime = options.regime};
  if (!options.heat_map.empty()) rows.heat_map = parse_heat_map(options.heat_map);
  for (const std::string& path : options.benchmarks) add_benchmark(rows, path);
  if (!options.against.empty()) rows.against = read_other(options.against);
  Records stored(options.records);
  rows.records = stored.all_winners();
  const TargetOptions& target = options.records.target;
  const std::vector<TuningRecord> meant =
      of_targets(rows.records, target.empty() ? std::vector<TargetOptions>{} : std::vector{target});
  rows.layers = selected(options);
  const std::vector<TuningRecord> winners = rows.layers.empty() ? meant : of_layers(meant, rows.layers);
  if (winners.empty()) {
    stored.report_none();
    return kBadAnswer;
  }
  rows.device = only_device(winners);
  if (rows.layers.empty()) rows.layers = layers_of(winners, rows.device);
  rows.trials = stored.all_trials();
  rows.refused = refused(stored.skipped());
  rows.ditune_version = DITUNE_VERSION;
  rows.when = utc_now();
  rows.commands = commands_of(options, rows);
  write_file(options.output, report::page(rows));
  if (is_standard_output(options.output)) return kDone;
  const report::Total total = report::total_of(report::layer_times(rows, Library(rows.records)));
  print_line(fmt::format("{}: {} on {}, {}", options.output, rows.model.empty() ? "report" : rows.model,
                         rows.device.name, report::coverage(total)));
  return kDone;
}

}  // namespace

void add_report(CLI::App& app, Run& run) {
  const Command<ReportFlags> command(app, run, "report", "one HTML page about layers on a GPU, to look at",
                                     write_report);
  ReportFlags& options = *command.options;
  options.app = command.app;
  command.app->add_option("-o,--output", options.output, "the file to write")->required();
  command.app
      ->add_option("--bench", options.benchmarks,
                   "what ditune bench --json or python -m ditune.bench --json wrote; may be given again")
      ->expected(1)
      ->take_all();
  command.app->add_option("--against", options.against, "another database, to compare with");
  command.app->add_option("--heat-map", options.heat_map,
                          "X,Y: two dimensions of configs that maps of the search show");
  add_regime(*command.app, options.regime, "whose winners are preferred (burst)");
  add_filter(*command.app, options.records);
}

}  // namespace ditune::cli
