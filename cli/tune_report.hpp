// SPDX-License-Identifier: Apache-2.0
// Messages of `ditune tune` about layers with few or no surviving candidates.
#pragma once

#include <string>
#include <vector>

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

OperationSet tuned_layers(const std::vector<TuningRecord>& records);

// A line for each winner that few candidates were left for.
void report_few_survivors(const std::vector<TuningRecord>& winners, const SurvivorTable& table);

// A line for each layer without a winner, with what happened to its candidates. Returns whether that is the machine's
// fault: none survived, and some were killed from outside.
bool report_failed(const TuneJob& job, const std::vector<TuningRecord>& winners, const Store& store,
                   const SurvivorTable& table);

}  // namespace ditune::cli
