// SPDX-License-Identifier: Apache-2.0
#include "cli/tune_report.hpp"

#include <fmt/format.h>

#include <vector>

#include "cli/output.hpp"
#include "cli/survivors.hpp"

namespace ditune::cli {

OperationSet tuned_layers(const std::vector<TuningRecord>& records) {
  OperationSet layers;
  for (const TuningRecord& record : records) layers.insert(record.key.operation);
  return layers;
}

void report_few_survivors(const std::vector<TuningRecord>& winners, const SurvivorTable& table) {
  for (const TuningRecord& winner : winners) {
    const Survivors survivors = table.of(winner.key, winner.source);
    if (const std::string remark = remark_on(survivors); !remark.empty())
      print_note(fmt::format("{} on {}: {} ({})", describe(winner.key.operation), winner.key.device.name, remark,
                             remedy_for(survivors)));
  }
}

bool report_failed(const TuneJob& job, const std::vector<TuningRecord>& winners, const Store& store,
                   const SurvivorTable& table) {
  bool machine_failed = false;
  const DeviceInfo& device = job.target.device;
  const OperationSet tuned = tuned_layers(winners);
  for (const Operation& layer : job.layers) {
    if (tuned.contains(layer)) continue;
    const TuningKey key{device_class(device), layer, {}};
    const Survivors survivors = table.of(key, job.target.ordinal ? Source::measured : Source::predicted);
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

}  // namespace ditune::cli
