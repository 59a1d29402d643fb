// SPDX-License-Identifier: Apache-2.0
// How long each layer takes by what lookup serves, what that sums up to, and how peers, other GPUs and another database
// compare.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "ditune/library.hpp"
#include "report/rows.hpp"

namespace ditune::report {

// Of one launch.
struct LayerTime {
  const Layer* layer = nullptr;
  LookupResult found;
  double us = 0;          // 0: no kernel is known
  bool measured = false;  // else it is what the cost model says
  std::optional<Range> interval = {};
  double step_us() const { return us * layer->calls; }
};

// A time is a measured one only if it is of this operation on this device.
std::vector<LayerTime> layer_times(const Rows& rows, const Library& library);

struct Total {
  double us = 0, predicted_us = 0;  // the second is a part of the first
  Range interval;                   // where a layer has none, its time counts
  Operations measured, predicted;
  Operations unknown;  // without a kernel, and not in the times
  std::size_t known() const { return measured.size() + predicted.size(); }
  std::size_t operations() const { return known() + unknown.size(); }
};
Total total_of(std::span<const LayerTime> times);

// "11 of 24 operations measured"
std::string coverage(const Total& total);

// What an interval of a ratio says. Kernels that differ by less than 0.3% are told as equal: the scatter of one and the
// same (docs/tuning.md).
enum class Verdict { faster, tie, slower, unknown };
Verdict verdict_on(double ratio, const std::optional<Range>& interval);

// Over the layers that a peer ran, each as often as a step has it.
struct PeerTotal {
  std::string name;
  double ditune_us = 0, peer_us = 0;
  double ratio = 0;
  std::optional<Range> interval = {};  // where every layer has one
  Operations operations = {};
  std::string reason = {};  // why it did not run another one
};
std::vector<PeerTotal> peer_totals(const Rows& rows);

// What the benchmarks of this device and regime say of a layer, each peer once.
std::vector<const BenchRow*> bench_rows(const Rows& rows, const Operation& operation);

// The winners of one device by their operation.
class Winners {
 public:
  Winners(std::span<const TuningRecord> records, const DeviceClass& device, Regime regime);
  const TuningRecord* of(const Operation& operation) const;

 private:
  std::unordered_map<Operation, const TuningRecord*, HashOperation> by_operation_;
};

// Another GPU of the database, over the layers that both have a winner of.
struct OtherDevice {
  DeviceClass device;
  double here_us = 0, there_us = 0;
  bool measured = true;  // all of it
  Operations operations = {};
};
std::vector<OtherDevice> other_devices(const Rows& rows);

// A layer's winner now and in the other database.
struct Change {
  const Layer* layer = nullptr;
  const TuningRecord *now = nullptr, *then = nullptr;  // null: there is none
  double ratio = 0;                                    // how many times as long it took then; 0: unknown
  std::optional<Range> interval = {};
  Verdict verdict = Verdict::unknown;
};
std::vector<Change> changes(const Rows& rows);

}  // namespace ditune::report
