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
#include "tuner/measure.hpp"
#include "tuner/search.hpp"

namespace ditune {

struct Layer {
  GemmProblem problem;
  Epilogue epilogue;
};

struct TuneOptions {
  std::string strategy = "guided";
  int trials = 64;                               // measured candidates a problem
  std::optional<std::chrono::seconds> budget;    // of the whole run, split over what is left
  std::uint64_t seed = 0;
};

// What is going on, for a progress bar.
struct TuneProgress {
  std::size_t layer = 0, layers = 0;
  int tried = 0, trials = 0;
  Target target;
  std::string trying;        // config text
  double best_us = 0;        // 0: none yet
  double seconds_left = 0;   // estimate
};

// Without a GPU there is nothing to measure with: `measure` is empty and `compile` says what ptxas makes of a config; the
// winner is the model's best among those that compile without spills, stored as predicted.
struct TuneBackend {
  Measure measure;
  // What ptxas reports for the configs, in order; ones that fail have Measurement::failure set.
  std::function<std::vector<Measurement>(const Target&, std::span<const KernelConfig>)> compile;
  // The cubin of a config already compiled, for the store; may be empty.
  std::function<std::string(const KernelConfig&, const Epilogue&)> cubin;
  Provenance provenance;
};

// Every finished trial and every winner is committed when it is known. Returns the winners, one a layer that has one.
std::vector<TuningRecord> tune(const std::vector<Layer>& layers, const DeviceInfo& device, const TuneOptions& options,
                               const TuneBackend& backend, Store& store,
                               const std::function<void(const TuneProgress&)>& progress = {});

}  // namespace ditune
