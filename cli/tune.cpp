// ditune tune: from layers to winners in the database.
#include "tuner/tune.hpp"

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "include/src/text.hpp"
#include "tuner/compile_only.hpp"
#include "tuner/gpu.hpp"

namespace ditune::cli {
namespace {

struct Options {
  RecordOptions records;
  std::string budget;
  TuneOptions tune;
  bool json = false;
};

// "90", "90s", "10m", "2h"
std::chrono::seconds parse_budget(std::string_view text) {
  constexpr std::int64_t kMax = 1'000'000;
  std::int64_t unit = 1;
  std::string_view digits = text;
  if (!digits.empty() && std::string_view("smh").find(digits.back()) != std::string_view::npos) {
    unit = digits.back() == 'h' ? 3600 : digits.back() == 'm' ? 60 : 1;
    digits.remove_suffix(1);
  }
  const auto count = text::parse_number(digits, kMax);
  if (!count || *count == 0)
    throw UsageError(fmt::format("'{}' is not a time", text), "write seconds, minutes or hours, like 90s, 10m or 2h");
  return std::chrono::seconds(*count * unit);
}

std::vector<Layer> layers_of(const SelectOptions& select) {
  std::vector<Layer> layers;
  for (const SelectedLayer& layer : require_layers(select)) layers.push_back({layer.problem, layer.epilogue});
  return layers;
}

TuneBackend backend_for(const ChosenTarget& target, std::uint64_t seed) {
  return target.ordinal ? GpuTuner({.ordinal = *target.ordinal, .seed = seed}).backend() : compile_only_backend();
}

void print_summary(const std::vector<TuningRecord>& winners, const ChosenTarget& target,
                   const std::filesystem::path& path) {
  print(record_table(winners));
  if (!target.ordinal) fmt::print("Predicted by the cost model, not measured: {} is not here.\n", target.device.name);
  fmt::print("Stored in {}\n", path.string());
}

// Everything that can be wrong with the request is found before the database is created.
ExitCode tune_layers(const Options& options) {
  const std::vector<Layer> layers = layers_of(options.records.select);
  TuneOptions tuning = options.tune;
  if (!options.budget.empty()) tuning.budget = parse_budget(options.budget);
  const ChosenTarget target = choose_target(options.records.target);
  make_strategy(tuning.strategy, {layers[0].problem, layers[0].epilogue, target.device}, {}, tuning.seed);
  const TuneBackend backend = backend_for(target, tuning.seed);

  const std::filesystem::path path = database_path(options.records.db);
  Store store = Store::open(path);
  std::vector<TuningRecord> winners;
  {
    ProgressLine line;
    winners = tune(layers, target.device, tuning, backend, store, [&](const TuneProgress& p) { line.show(p); });
  }
  if (options.json) {
    Json json = Json::array();
    for (const TuningRecord& winner : winners) json.push_back(record_json(winner));
    print(json);
  } else {
    print_summary(winners, target, path);
  }
  return winners.size() == layers.size() ? kDone : kBadAnswer;
}

}  // namespace

void add_tune(CLI::App& app, Run& run) {
  const Command<Options> command(app, run, "tune", "find the best kernel of each layer and remember it", tune_layers);
  Options& options = *command.options;
  add_records(*command.app, options.records);
  command.app->add_option("--budget", options.budget, "time for the whole run: 90s, 10m, 2h");
  command.app->add_option("--trials", options.tune.trials, fmt::format("candidates a problem ({})", kDefaultTrials))
      ->check(CLI::PositiveNumber);
  command.app->add_option("--strategy", options.tune.strategy, "guided, random or exhaustive (guided)");
  command.app->add_option("--seed", options.tune.seed, "of operands and of random choices (0)")
      ->check(CLI::NonNegativeNumber);
  command.app->add_flag("--retune", options.tune.retune, "also layers whose winner is up to date");
  command.app->add_flag("--json", options.json, "the winners as a JSON array");
}

}  // namespace ditune::cli
