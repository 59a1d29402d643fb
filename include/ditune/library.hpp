// The runtime library: find the best kernel for a layer. Records are read once into memory; a lookup touches no file.
#pragma once

#include <memory>
#include <vector>

#include "ditune/record.hpp"
#include "launch_plan.cuh"

namespace ditune {

struct LookupResult {
  Match match = Match::none;
  KernelConfig config;
  LaunchPlan plan;                       // for the problem that was asked
  const TuningRecord* record = nullptr;  // what the answer comes from, owned by the Library; null for model, fallback
};

// Immutable once constructed: any number of threads may look up.
class Library {
 public:
  explicit Library(std::vector<TuningRecord> records);
  Library(Library&&) noexcept;
  Library& operator=(Library&&) noexcept;
  ~Library();

  // Of the records for this n, k and epilogue, best first:
  //   exact         this device and m
  //   nearest m     this device; the nearest m on a log scale, the larger of two
  //   stale         this device; of an older template
  //   other device  of the same arch
  // and within each, a measured record before a predicted one, then the nearest m, then one of the regime, then the
  // fastest. Without any:
  //   model         the cost model's best of all candidates (milliseconds: keep the answer)
  //   default       the first candidate, where the device's numbers tell the model nothing
  // A config that a constraint refuses for the problem asked is passed over. Throws UsageError for an illegal problem.
  LookupResult lookup(const GemmProblem& problem, const Epilogue& epilogue, const DeviceInfo& device,
                      Regime regime = Regime::burst) const&;
  LookupResult lookup(const GemmProblem&, const Epilogue&, const DeviceInfo&,
                      Regime = Regime::burst) const&& = delete;  // record would dangle

 private:
  struct Index;
  std::unique_ptr<const Index> index_;
};

}  // namespace ditune
