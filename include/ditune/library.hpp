// SPDX-License-Identifier: Apache-2.0
// The runtime library: find the best kernel for a layer. Records are read once into memory; a lookup touches no file.
#pragma once

#include <filesystem>
#include <functional>
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

// Winners of a database that are not used, because a value in them is wrong or out of range. Their problems are misses.
// `ditune show --skipped` lists them.
struct SkippedRows {
  std::filesystem::path database;
  int count = 0;
};

// The winners in these files, in this order. Of two records of one operation the earlier file's counts, unless it
// is stale, its config is refused, or it is predicted and the later one measured. `on_skipped` is told of each file
// with rows that are skipped. Throws DbError.
std::vector<TuningRecord> read_records(const std::vector<std::filesystem::path>& databases,
                                       const std::function<void(const SkippedRows&)>& on_skipped = {});

// An operation that no record of this device answers.
struct Miss {
  Operation operation;
  DeviceClass device;
  Match match = Match::none;  // how it was answered
};

// Whether a kernel that no database has is compiled when it is prepared.
enum class CompilePolicy { as_needed, never };

struct LibraryOptions {
  // Told of each miss once; on the thread that asks, which goes on when it returns. May be empty.
  std::function<void(const Miss&)> on_miss = {};
  // Never: only records whose kernel is stored and of today's templates answer, and behind them what is built in.
  CompilePolicy compile = CompilePolicy::as_needed;
};

// Any number of threads may look up at once. What was asked before is answered without a lock or an allocation.
class Library {
 public:
  explicit Library(std::vector<TuningRecord> records, LibraryOptions options = {});
  Library(Library&&) noexcept;
  Library& operator=(Library&&) noexcept;
  ~Library();

  // Of the records for this layer, whatever their rows, best first:
  //   exact         this device and m
  //   nearest m     this device; of the winners of the next four m below and above the one expected to be fastest
  //   stale         this device; of an older template
  //   other device  of the same arch, the one nearest in SMs
  // Of several records of one m, a measured one before a predicted one, then one of the regime, then the faster.
  // Without any:
  //   model         the cost model's best of all candidates
  //   default       the first candidate, where the device's numbers tell the model nothing
  // or, under CompilePolicy::never:
  //   default       what is built in; none for a kind without any
  // The first question about a layer takes a fraction of a millisecond, one that only the model can answer
  // milliseconds; both are kept. A config that a constraint refuses for the problem asked is passed over. Throws
  // UsageError for an illegal operation.
  LookupResult lookup(const Operation& operation, const DeviceInfo& device, Regime regime = Regime::burst) const&;
  LookupResult lookup(const Operation&, const DeviceInfo&,
                      Regime = Regime::burst) const&& = delete;  // record would dangle

 private:
  class Index;
  std::unique_ptr<Index> index_;
};

}  // namespace ditune
