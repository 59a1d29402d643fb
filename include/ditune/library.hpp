// The runtime library: find the best kernel for a layer. Records are read once into memory; a lookup touches no file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ditune/record.hpp"
#include "launch_plan.cuh"

namespace ditune {

struct LookupResult {
  Match match = Match::none;
  KernelConfig config;
  LaunchPlan plan;                     // for the problem that was asked
  std::optional<TuningRecord> record;  // what the answer comes from; empty for model and fallback
};

// Thread-safe once constructed.
class Library {
 public:
  explicit Library(std::vector<TuningRecord> records);

  // Exact (n, k, epilogue, m) first; then the nearest tuned m on a log scale; then stale rows; then the same problem on
  // another device of the same arch; then the cost model. Configs that a constraint refuses for the problem asked are passed
  // over. A measured record wins over a predicted one. Throws UsageError for an illegal problem.
  LookupResult lookup(const GemmProblem& problem, const Epilogue& epilogue, const DeviceInfo& device) const;

 private:
  std::vector<TuningRecord> records_;
};

}  // namespace ditune
