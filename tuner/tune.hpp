// SPDX-License-Identifier: Apache-2.0
// From problems to winners: search, measure, store.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "db/store.hpp"
#include "ditune/record.hpp"
#include "tuner/layers.hpp"
#include "tuner/measure/measure.hpp"
#include "tuner/search/search.hpp"

namespace ditune {

inline constexpr int kDefaultTrials = 64;

// What is going on, for a progress bar.
struct TuneProgress {
  std::size_t layer = 0, layers = 0;  // the how-manieth of how many, from 0
  Target target;
  bool done = false;          // the layer's last; a layer whose winner is up to date has no other
  int tried = 0, trials = 0;  // of this layer, while it is not done
  std::string trying;         // config text, of the first of a batch, while it is not done
  std::string winner;         // config text, once it is done; empty: none was found
  double best_us = 0;         // measured; 0: none yet
  double seconds_left = 0;    // estimate; 0: none yet
};

struct TuneOptions {
  std::string strategy = "guided";
  // Candidates measured a problem; what the compiler rules out does not count, up to four times as many are looked at.
  // Absent: kDefaultTrials, or all if exhaustive.
  std::optional<int> trials;
  std::optional<std::chrono::seconds> budget;  // of the whole run, split evenly over what is left
  // Once the budget is over, false: every layer that is left gets one short batch; true: none begins.
  bool strict_budget = false;
  std::uint64_t seed = 0;
  // Under sustained, the finalists of bursts are timed at sustained clocks, too, and both winners are kept.
  Regime regime = Regime::burst;
  bool retry_failed = false;  // false: what failed before, under this toolchain and template, is not tried again
  // false: a layer whose winner in the store is up to date is reported from there; so is one of older templates, if
  // today's make the same kernel
  bool retune = false;
  // Asked after each batch; true: the run ends, and the layer at work keeps its trials and gets no winner. May be
  // empty.
  std::function<bool()> stop = {};
  std::function<void(const TuneProgress&)> progress = {};  // may be empty
};

// The machine that tune works with; gpu.hpp and compile_only.hpp make them. Without a GPU there is nothing to measure
// with: `measure` is empty, and the winner is the model's best among those that compile without spills, stored as
// predicted. Either way a config that spills has failed; only where all do, one of those is taken after all.
struct TuneBackend {
  Measure measure;
  Compile compile;
  Prepare prepare;  // may be empty
  // The cubin of a config already compiled, for the store; may be empty.
  std::function<std::string(const Target&, const KernelConfig&)> cubin;
  // Where a trial that ends now comes from; tune fills in the seed. May be empty.
  std::function<Provenance()> provenance;
  // What users should know of the measurements since the last call: clocks that fell, another program on the GPU. May
  // be empty.
  std::function<std::vector<std::string>()> remarks;
  // For the budget; a test brings its own.
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

// Every finished trial and every winner is committed when it is known. Returns the winners in the order of the layers,
// one for each layer that has one; a layer that is listed twice counts once, and after a stop those that follow have
// none, and are not reported as done. Throws UsageError for an unknown strategy, trials below 1 or an illegal problem,
// before anything is measured.
std::vector<TuningRecord> tune(const std::vector<Operation>& operations, const DeviceInfo& device,
                               const TuneOptions& options, const TuneBackend& backend, Store& store);

}  // namespace ditune
