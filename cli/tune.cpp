// SPDX-License-Identifier: Apache-2.0
// ditune tune: from layers to winners in the database.
#include "tuner/tune.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <set>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/environment.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/survivors.hpp"
#include "cli/tune_report.hpp"
#include "cli/values.hpp"
#include "cli/variant.hpp"
#include "core/text.hpp"
#include "db/working_copy.hpp"
#include "ditune/library.hpp"
#include "lookup/serving.hpp"
#include "tuner/worker/worker.hpp"

namespace ditune::cli {
namespace {

struct TuneFlags {
  RecordOptions records;
  std::string budget, shard, strategy;
  TuneOptions tune;
  ProgressForm progress = ProgressForm::text;
  bool json = false;
};

// Those that have candidates; the others are reported.
std::vector<Operation> tunable(const std::vector<Operation>& layers, const DeviceInfo& device) {
  std::vector<Operation> found;
  StepsLine line("looking for candidates", layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    line.show(i);
    const Target target{layers[i], device};
    if (has_candidates(target))
      found.push_back(layers[i]);
    else
      report_no_variant(target);
  }
  return found;
}

// This program again, so that a candidate that crashes, hangs or loses the device costs itself alone.
TuneBackend backend_for(const ChosenTarget& target, std::uint64_t seed) {
  std::vector<std::string> command{"/proc/self/exe", "worker"};
  if (target.ordinal)
    command.insert(command.end(), {"--device", std::to_string(*target.ordinal), "--seed", std::to_string(seed)});
  return worker_backend({.command = command, .measures = target.ordinal.has_value()});
}

// GPUs of one class, among which a winner is exchangeable, share the layers; each class has all of them.
std::vector<TuneJob> jobs(const std::vector<ChosenTarget>& targets, const std::vector<Operation>& layers) {
  std::vector<TuneJob> all;
  for (const ChosenTarget& target : targets) {
    const auto is_its_like = [&](const ChosenTarget& other) {
      return device_class(other.device) == device_class(target.device);
    };
    const auto before = std::ranges::count_if(all, is_its_like, &TuneJob::target);
    const auto count = std::ranges::count_if(targets, is_its_like);
    const Shard its{static_cast<int>(before), static_cast<int>(count)};
    all.push_back({target, tunable(shard_of(layers, its), target.device)});
  }
  return all;
}

// What is said once, whoever says it.
void add_remarks(std::vector<std::string>& remarks, const TuneBackend& backend) {
  if (!backend.remarks) return;
  for (std::string& remark : backend.remarks())
    if (std::ranges::find(remarks, remark) == remarks.end()) remarks.push_back(std::move(remark));
}

// A network that is away for a while is no reason to stop: the end tries again.
void merge_back(WorkingCopy& database) {
  try {
    database.merge_back();
  } catch (const DbError& error) {
    print_note(error.what());
  }
}

// Each job on a thread of its own, with a connection of its own to the database, which gets what is new after each
// layer.
std::vector<TuneOutcome> run(const std::vector<TuneJob>& jobs, TuneOptions options, ProgressForm form,
                             WorkingCopy& database, const Interrupt& interrupt) {
  ProgressLine line(form);
  std::mutex line_in_use;
  std::atomic<bool> failed = false;
  options.stop = [&] { return interrupt.asked() || failed; };
  const auto work = [&](const TuneJob& job) {
    TuneOutcome outcome;
    const TuneBackend backend = backend_for(job.target, options.seed);
    Store store = Store::open(database.path());
    std::set<std::size_t> tried;
    TuneOptions its = options;
    its.progress = [&](const TuneProgress& progress) {
      if (!progress.done) {
        tried.insert(progress.layer);
      } else {
        outcome.done.push_back(progress.target.operation);
        if (tried.contains(progress.layer)) {
          add_remarks(outcome.remarks, backend);
          merge_back(database);
        }
      }
      const std::lock_guard lock(line_in_use);
      line.show(progress);
    };
    outcome.winners = tune(job.layers, job.target.device, its, backend, store);
    outcome.tried = tried.size();
    add_remarks(outcome.remarks, backend);
    return outcome;
  };
  std::vector<std::future<TuneOutcome>> running;
  for (const TuneJob& job : jobs) {
    running.push_back(std::async(std::launch::async, [&] {
      try {
        return work(job);
      } catch (...) {
        failed = true;  // the others end after the batch at work
        throw;
      }
    }));
  }
  std::vector<TuneOutcome> outcomes;
  for (std::future<TuneOutcome>& job : running) job.wait();
  for (std::future<TuneOutcome>& job : running) outcomes.push_back(job.get());
  return outcomes;
}

// Where another kernel is measurably faster in bursts.
void print_disagreements(const std::vector<TuningRecord>& sustained, const std::vector<TuningRecord>& known) {
  const Library library(known);
  for (const TuningRecord& winner : sustained) {
    const Target target = target_of(winner.key);
    const LookupResult burst = library.lookup(target.operation, target.device);
    if (winner.config != burst.config)
      print_line(fmt::format("In bursts {} is faster on {}", format(burst.config), describe(winner.key.operation)));
  }
}

void print_summary(const std::vector<TuneJob>& jobs, const std::vector<TuningRecord>& winners, Regime regime,
                   const std::vector<TuningRecord>& known, const std::filesystem::path& path) {
  if (winners.empty()) return;
  print(record_table(winners));
  if (regime == Regime::sustained) print_disagreements(winners, known);
  print_predicted(jobs, winners);
  print_line(fmt::format("Stored in {}", path.string()));
}

std::vector<Operation> layers_of(const TuneFlags& options) {
  std::vector<Operation> selected = require_layers(options.records.select);
  if (options.shard.empty()) return selected;
  std::vector<Operation> its = shard_of(selected, parse_shard(options.shard));
  if (its.empty())
    print_message(fmt::format("shard {} of {} has none", options.shard, text::counted(std::ssize(selected), "layer")));
  return its;
}

std::vector<TuneJob> jobs_of(const TuneFlags& options, const std::vector<Operation>& layers) {
  const std::vector<ChosenTarget> targets = choose_targets(options.records.target);
  for (const ChosenTarget& target : targets)
    if (options.tune.regime == Regime::sustained && !target.ordinal)
      throw UsageError(fmt::format("sustained clocks are measured, and {} is not here", target.device.name),
                       "leave --regime sustained out");
  return jobs(targets, layers);
}

// Strategies differ in how they use measured times.
void note_unused_strategy(const TuneFlags& options, const std::vector<TuneJob>& jobs) {
  if (options.strategy.empty() || options.strategy == "exhaustive") return;
  for (const TuneJob& job : jobs)
    if (!job.target.ordinal)
      print_note(fmt::format(
          "{} is not here, so that --strategy {} has no measured times to go by: candidates are compiled in "
          "the cost model's order",
          job.target.device.name, options.strategy));
}

TuneOptions tune_options(const TuneFlags& options) {
  TuneOptions tuning = options.tune;
  if (!options.budget.empty()) tuning.budget = parse_duration(options.budget);
  if (!options.strategy.empty()) tuning.strategy = options.strategy;
  require_strategy(tuning.strategy);
  return tuning;
}

// Everything that can be wrong with the request is found before the database is created.
ExitCode tune_layers(const TuneFlags& options) {
  const std::vector<Operation> layers = layers_of(options);
  const TuneOptions tuning = tune_options(options);
  const std::vector<TuneJob> jobs = jobs_of(options, layers);
  const std::size_t wanted = layers_in(jobs);
  if (wanted == 0) {
    if (options.json) print(Json::array());
    return layers.empty() ? kDone : kBadAnswer;
  }

  note_unused_strategy(options, jobs);
  const std::filesystem::path path = database_path(options.records.db);
  set_aside_damaged(path);
  WorkingCopy database(path, {.local_folder = temporary_folder()});
  if (!database.file_system().empty())
    print_note(
        fmt::format("{} is on {}: a local copy is worked on and merged back", path.string(), database.file_system()));
  const Interrupt interrupt;
  const std::vector<TuneOutcome> outcomes = run(jobs, tuning, options.progress, database, interrupt);
  database.merge_back();
  Records stored(Store::open_read_only(database.path()), options.records);
  const std::vector<TuningRecord> known = stored.all_winners();
  std::vector<TuningRecord> winners;
  for (const TuneOutcome& outcome : outcomes) {
    winners.insert(winners.end(), outcome.winners.begin(), outcome.winners.end());
    for (const std::string& remark : outcome.remarks) print_note(remark);
  }
  const SurvivorTable survivors(stored.all_trials());
  if (options.json) {
    Json json = Json::array();
    for (const TuningRecord& winner : winners)
      add_survivors(json.emplace_back(record_json(winner)), survivors.of(winner.key, winner.source));
    stored.add_skipped(json);
    print(json);
  } else {
    print_summary(jobs, winners, tuning.regime, known, path);
  }
  report_few_survivors(winners, survivors);
  if (interrupt.asked() && winners.size() < wanted) {
    print_error(
        fmt::format("interrupted with {} of {} done: what was measured is stored, and the same command "
                    "goes on where it was",
                    winners.size(), text::counted(static_cast<std::int64_t>(wanted), "layer")));
    return kBadAnswer;
  }
  const ExitCode code = report_missing(jobs, outcomes, *stored.store(), survivors);
  const OperationSet tuned = tuned_layers(winners);
  const bool all_tunable = std::ranges::all_of(layers, [&](const Operation& layer) { return tuned.contains(layer); });
  return code == kDone && !all_tunable ? kBadAnswer : code;
}

}  // namespace

void add_tune(CLI::App& app, Run& run) {
  const Command<TuneFlags> command(app, run, "tune", "find the best kernel of each layer and remember it", tune_layers);
  TuneFlags& options = *command.options;
  add_records(*command.app, options.records, Devices::or_all);
  CLI::Option* const budget = command.app->add_option(
      "--budget", options.budget, "time for the whole run, of compiling without a GPU: 90s (or 90), 10m, 2h");
  command.app
      ->add_flag("--strict-budget", options.tune.strict_budget,
                 "no layer begins when the budget is over; without it each gets one short batch")
      ->needs(budget);
  add_number(*command.app, "--trials", {1, 1'000'000},
             fmt::format("candidates measured a problem ({0}); without a GPU, compiled and ranked by the cost model "
                         "(until one does not spill, {0} at most)",
                         kDefaultTrials),
             [&options](std::int64_t number) { options.tune.trials = static_cast<int>(number); });
  command.app->add_option("--strategy", options.strategy,
                          "guided, halving, local, random or exhaustive (guided); without a GPU candidates are "
                          "compiled in the cost model's order, exhaustive compiles all");
  command.app->add_option("--shard", options.shard, "I/N: every N-th layer from the I-th on, counted from 0");
  add_regime(*command.app, options.tune.regime,
             "burst: with rests between; sustained: the best few also back to back, as loops run (burst)");
  add_seed(*command.app, options.tune.seed, "of operands and of random choices (0)");
  command.app->add_flag("--retune", options.tune.retune, "also layers whose winner is up to date, from the start");
  command.app->add_flag("--retry-failed", options.tune.retry_failed,
                        "also candidates that failed before, with this toolchain and these templates");
  add_word(*command.app, "--progress", kProgressForms,
           "on standard error, for people or for a program that runs this one: an object a line (text)",
           [&options](std::size_t form) { options.progress = static_cast<ProgressForm>(form); });
  command.app->add_flag("--json", options.json, "the winners as a JSON array");
}

}  // namespace ditune::cli
