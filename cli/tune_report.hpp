// SPDX-License-Identifier: Apache-2.0
// What became of the layers of `ditune tune`, and its messages about those with few or no surviving candidates.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/target.hpp"
#include "db/store.hpp"
#include "tuner/layers.hpp"
#include "tuner/survivors.hpp"

namespace ditune::cli {

// A GPU, here or not, and the layers that are tuned on it.
struct TuneJob {
  ChosenTarget target;
  std::vector<Operation> layers;
};

// Of one job.
struct TuneOutcome {
  std::vector<TuningRecord> winners;
  std::vector<Operation> done;  // with a winner or without; the budget or a signal left the others
  std::size_t tried = 0;        // layers that were searched; the winners of others in `done` were up to date
  std::vector<std::string> remarks;
};

std::size_t layers_in(const std::vector<TuneJob>& jobs);

OperationSet tuned_layers(const std::vector<TuningRecord>& records);

// A line for each GPU that is not here, if any of its winners is predicted: others were measured where it is.
void print_predicted(const std::vector<TuneJob>& jobs, const std::vector<TuningRecord>& winners);

// A line for each winner that few candidates were left for.
void report_few_survivors(const std::vector<TuningRecord>& winners, const SurvivorTable& table);

// Says which layers were tuned before and which have no winner, and why. kFailed where that is the machine's fault.
ExitCode report_missing(const std::vector<TuneJob>& jobs, const std::vector<TuneOutcome>& outcomes, const Store& store,
                        const SurvivorTable& table);

}  // namespace ditune::cli
