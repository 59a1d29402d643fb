// SPDX-License-Identifier: Apache-2.0
#include "cli/tune_report.hpp"

#include <fmt/format.h>

#include <vector>

#include "cli/output.hpp"
#include "cli/survivors.hpp"
#include "core/text.hpp"

namespace ditune::cli {
namespace {

// A line for each layer that is done without a winner, with what happened to its candidates. Returns whether that is
// the machine's fault: none survived, and some were killed from outside.
bool report_failed(const ChosenTarget& target, const TuneOutcome& outcome, const Store& store,
                   const SurvivorTable& table) {
  bool machine_failed = false;
  const DeviceInfo& device = target.device;
  const OperationSet tuned = tuned_layers(outcome.winners);
  for (const Operation& layer : outcome.done) {
    if (tuned.contains(layer)) continue;
    const TuningKey key{device_class(device), layer, {}};
    const Survivors survivors = table.of(key, target.ordinal ? Source::measured : Source::predicted);
    if (survivors.survived == 0 && !survivors.killed.empty()) {
      machine_failed = true;
      print_error(fmt::format("no variant of {} on {}: {} ({})", describe(layer), device.name, remark_on(survivors),
                              remedy_for(survivors)));
      continue;
    }
    RecordFilter filter;
    filter.device = key.device;
    filter.operation = layer;
    std::vector<Trial> trials = store.trials(filter);
    std::erase_if(trials, [](const Trial& trial) { return trial.measurement.ok(); });
    print_error(
        fmt::format("no variant that was tried runs {} on {}{} (--trials or --budget tries more, "
                    "--retry-failed the same again)",
                    describe(layer), device.name, trials.empty() ? "" : ": " + trials.back().measurement.failure));
  }
  return machine_failed;
}

// "1 of 2 layers was", "2 of 2 layers were"
std::string some_of(std::size_t some, std::size_t all) {
  return fmt::format("{} of {} {}", some, text::counted(static_cast<std::int64_t>(all), "layer"),
                     some == 1 ? "was" : "were");
}

}  // namespace

std::size_t layers_in(const std::vector<TuneJob>& jobs) {
  std::size_t count = 0;
  for (const TuneJob& job : jobs) count += job.layers.size();
  return count;
}

OperationSet tuned_layers(const std::vector<TuningRecord>& records) {
  OperationSet layers;
  for (const TuningRecord& record : records) layers.insert(record.key.operation);
  return layers;
}

void print_predicted(const std::vector<TuneJob>& jobs, const std::vector<TuningRecord>& winners) {
  for (const TuneJob& job : jobs) {
    if (job.target.ordinal) continue;
    std::size_t its = 0, predicted = 0;
    for (const TuningRecord& winner : winners) {
      if (winner.key.device != device_class(job.target.device)) continue;
      ++its;
      predicted += winner.source == Source::predicted;
    }
    if (predicted == 0) continue;
    const std::string what = predicted == its ? "Predicted" : fmt::format("{} of {} predicted", predicted, its);
    print_line(fmt::format("{} by the cost model, not measured: {} is not here.", what, job.target.device.name));
  }
}

void report_few_survivors(const std::vector<TuningRecord>& winners, const SurvivorTable& table) {
  for (const TuningRecord& winner : winners) {
    const Survivors survivors = table.of(winner.key, winner.source);
    if (const std::string remark = remark_on(survivors); !remark.empty())
      print_note(fmt::format("{} on {}: {} ({})", describe(winner.key.operation), winner.key.device.name, remark,
                             remedy_for(survivors)));
  }
}

ExitCode report_missing(const std::vector<TuneJob>& jobs, const std::vector<TuneOutcome>& outcomes, const Store& store,
                        const SurvivorTable& table) {
  const std::size_t wanted = layers_in(jobs);
  std::size_t done = 0, tried = 0, tuned = 0;
  for (const TuneOutcome& outcome : outcomes) {
    done += outcome.done.size();
    tried += outcome.tried;
    tuned += outcome.winners.size();
  }
  if (tried < done)
    print_message(fmt::format("{} tuned before (--retune tunes {} again)", some_of(done - tried, wanted),
                              done - tried == 1 ? "it" : "them"));
  if (done < wanted)
    print_message(fmt::format("the time is up: {} not begun, and the same command goes on with {}",
                              some_of(wanted - done, wanted), wanted - done == 1 ? "it" : "them"));
  bool machine_failed = false;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    machine_failed |= report_failed(jobs[i].target, outcomes[i], store, table);
  if (machine_failed) return kFailed;
  return tuned == wanted ? kDone : kBadAnswer;
}

}  // namespace ditune::cli
