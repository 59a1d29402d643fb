// ditune tune: from layers to winners in the database.
#include "tuner/tune.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/values.hpp"
#include "cli/variant.hpp"
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

// Those that have candidates; the others are reported.
std::vector<Layer> tunable(const std::vector<SelectedLayer>& layers, const DeviceInfo& device) {
  std::vector<Layer> found;
  for (const SelectedLayer& layer : layers) {
    const Target target{layer.problem, layer.epilogue, device};
    if (enumerate(target).empty())
      report_no_variant(target);
    else
      found.push_back({layer.problem, layer.epilogue});
  }
  return found;
}

TuneBackend backend_for(const ChosenTarget& target, std::uint64_t seed) {
  return target.ordinal ? GpuTuner({.ordinal = *target.ordinal, .seed = seed}).backend() : compile_only_backend();
}

struct Outcome {
  std::vector<TuningRecord> winners;
  std::size_t tried = 0;     // layers; the others were up to date
  bool interrupted = false;  // before the last layer was done
};

Outcome tune_and_show(const std::vector<Layer>& layers, const DeviceInfo& device, TuneOptions options,
                      const TuneBackend& backend, Store& store) {
  const Interrupt interrupt;
  options.stop = [&interrupt] { return interrupt.asked(); };
  ProgressLine line;
  std::set<std::size_t> tried;
  std::vector<TuningRecord> winners = tune(layers, device, options, backend, store, [&](const TuneProgress& progress) {
    tried.insert(progress.layer);
    line.show(progress);
  });
  const bool interrupted = interrupt.asked() && winners.size() < layers.size();
  return {std::move(winners), tried.size(), interrupted};
}

// A line for each layer whose candidates all failed, with what happened to the last.
void report_failed(const std::vector<Layer>& layers, const DeviceInfo& device, const Outcome& outcome,
                   const Store& store) {
  for (const Layer& layer : layers) {
    const auto is_its_winner = [&](const TuningRecord& winner) {
      return winner.key.problem == layer.problem && winner.key.epilogue == layer.epilogue;
    };
    if (std::ranges::any_of(outcome.winners, is_its_winner)) continue;
    std::vector<Trial> trials = store.trials({device_class(device), device.arch, {layer.problem}, layer.epilogue});
    std::erase_if(trials, [](const Trial& trial) { return trial.measurement.ok(); });
    print_error(fmt::format("no variant that was tried runs {} {} on {}{} (--trials or --budget tries more)",
                            format(layer.problem), format(layer.epilogue), device.name,
                            trials.empty() ? "" : ": " + trials.back().measurement.failure));
  }
}

void print_summary(const std::vector<TuningRecord>& winners, const ChosenTarget& target,
                   const std::filesystem::path& path) {
  if (winners.empty()) return;
  print(record_table(winners));
  if (!target.ordinal) fmt::print("Predicted by the cost model, not measured: {} is not here.\n", target.device.name);
  fmt::print("Stored in {}\n", path.string());
}

// Everything that can be wrong with the request is found before the database is created.
ExitCode tune_layers(const Options& options) {
  const std::vector<SelectedLayer> selected = require_layers(options.records.select);
  TuneOptions tuning = options.tune;
  if (!options.budget.empty()) tuning.budget = parse_budget(options.budget);
  require_strategy(tuning.strategy);
  const ChosenTarget target = choose_target(options.records.target);
  const std::vector<Layer> layers = tunable(selected, target.device);
  if (layers.empty()) {
    if (options.json) print(Json::array());
    return kBadAnswer;
  }
  const TuneBackend backend = backend_for(target, tuning.seed);

  const std::filesystem::path path = database_path(options.records.db);
  Store store = Store::open(path);
  const Outcome outcome = tune_and_show(layers, target.device, tuning, backend, store);
  if (options.json) {
    Json json = Json::array();
    for (const TuningRecord& winner : outcome.winners) json.push_back(record_json(winner));
    print(json);
  } else {
    print_summary(outcome.winners, target, path);
  }
  if (outcome.interrupted) {
    print_error(
        fmt::format("interrupted with {} of {} layers done: they are stored, and the same command goes on with "
                    "the others",
                    outcome.winners.size(), layers.size()));
    return kBadAnswer;
  }
  if (outcome.tried < layers.size())
    fmt::print(stderr, "{} of {} layers were tuned before (--retune tunes them again)\n", layers.size() - outcome.tried,
               layers.size());
  report_failed(layers, target.device, outcome, store);
  return outcome.winners.size() == selected.size() ? kDone : kBadAnswer;
}

}  // namespace

void add_tune(CLI::App& app, Run& run) {
  const Command<Options> command(app, run, "tune", "find the best kernel of each layer and remember it", tune_layers);
  Options& options = *command.options;
  add_records(*command.app, options.records);
  command.app->add_option("--budget", options.budget, "time for the whole run: 90s, 10m, 2h");
  add_number(*command.app, "--trials", {1, 1'000'000}, fmt::format("candidates a problem ({})", kDefaultTrials),
             [&options](std::int64_t number) { options.tune.trials = static_cast<int>(number); });
  command.app->add_option("--strategy", options.tune.strategy, "guided, random or exhaustive (guided)");
  add_seed(*command.app, options.tune.seed, "of operands and of random choices (0)");
  command.app->add_flag("--retune", options.tune.retune, "also layers whose winner is up to date");
  command.app->add_flag("--json", options.json, "the winners as a JSON array");
}

}  // namespace ditune::cli
