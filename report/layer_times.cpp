// SPDX-License-Identifier: Apache-2.0
#include "report/layer_times.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/text.hpp"
#include "generator/cost_model.hpp"
#include "lookup/serving.hpp"

namespace ditune::report {
namespace {

constexpr double kScatter = 0.003;

std::optional<Range> interval_of(const TuningRecord& record) {
  if (record.source != Source::measured || !(record.low_us > 0) || !(record.high_us >= record.low_us)) return {};
  return Range{record.low_us, record.high_us};
}

// A record of today's templates before another.
bool is_preferred(const TuningRecord& a, const TuningRecord& b, Regime regime) {
  const bool a_today = is_of_todays_template(a), b_today = is_of_todays_template(b);
  return a_today == b_today ? is_better(a, b, regime) : a_today;
}

}  // namespace

std::vector<LayerTime> layer_times(const Rows& rows, const Library& library) {
  const DeviceInfo device = device_of(rows.device);
  std::vector<LayerTime> times;
  for (const Layer& layer : rows.layers) {
    LayerTime& time = times.emplace_back(LayerTime{&layer, library.lookup(layer.operation, device, rows.regime)});
    if (time.found.match == Match::none) continue;
    const TuningRecord* record = time.found.record;
    if (record && record->key.operation == layer.operation && record->key.device == rows.device) {
      time.us = record->microseconds();
      time.measured = record->source == Source::measured;
      time.interval = interval_of(*record);
    } else if (const double us = predict(time.found.config, {layer.operation, device}).total_us; std::isfinite(us)) {
      time.us = us;
    }
  }
  return times;
}

Total total_of(std::span<const LayerTime> times) {
  Total total;
  for (const LayerTime& time : times) {
    const Operation& operation = time.layer->operation;
    if (!(time.us > 0)) {
      total.unknown.insert(operation);
      continue;
    }
    (time.measured ? total.measured : total.predicted).insert(operation);
    total.us += time.step_us();
    if (!time.measured) total.predicted_us += time.step_us();
    const Range interval = time.interval.value_or(Range{time.us, time.us});
    total.interval.low += interval.low * time.layer->calls;
    total.interval.high += interval.high * time.layer->calls;
  }
  return total;
}

std::string coverage(const Total& total) {
  return fmt::format("{} of {} measured", total.measured.size(),
                     text::counted(static_cast<std::int64_t>(total.operations()), "operation"));
}

Verdict verdict_on(double ratio, const std::optional<Range>& interval) {
  if (!(ratio > 0) || !std::isfinite(ratio) || !interval) return Verdict::unknown;
  if (interval->low > 1 + kScatter) return Verdict::faster;
  return interval->high < 1 - kScatter ? Verdict::slower : Verdict::tie;
}

std::vector<const BenchRow*> bench_rows(const Rows& rows, const Operation& operation) {
  std::vector<const BenchRow*> found;
  for (const Benchmark& benchmark : rows.benchmarks)
    for (const BenchRow& row : benchmark.rows)
      if (row.operation == operation && row.device == rows.device.name && row.regime == rows.regime)
        found.push_back(&row);
  return found;
}

std::vector<PeerTotal> peer_totals(const Rows& rows) {
  std::vector<PeerTotal> totals;
  std::vector<Range> intervals;  // of the peers' times
  for (const Layer& layer : rows.layers) {
    std::set<std::string> counted;  // of two benchmarks the first counts
    for (const BenchRow* row : bench_rows(rows, layer.operation))
      for (const PeerRow& peer : row->peers) {
        if (!counted.insert(peer.name).second) continue;
        auto total = std::ranges::find(totals, peer.name, &PeerTotal::name);
        if (total == totals.end()) {
          total = totals.insert(totals.end(), {.name = peer.name, .interval = Range{}});
          intervals.emplace_back();
        }
        if (!peer.reason.empty()) {
          total->reason = peer.reason;
          continue;
        }
        total->operations.insert(layer.operation);
        // The ratio is the median over rounds; the time that the step would take follows from it.
        total->ditune_us += row->us * layer.calls;
        total->peer_us += row->us * peer.ratio * layer.calls;
        Range& sum = intervals[static_cast<std::size_t>(total - totals.begin())];
        if (!peer.ratio_interval) total->interval.reset();
        const Range interval = peer.ratio_interval.value_or(Range{});
        sum.low += row->us * interval.low * layer.calls;
        sum.high += row->us * interval.high * layer.calls;
      }
  }
  for (std::size_t i = 0; i < totals.size(); ++i) {
    PeerTotal& total = totals[i];
    if (total.operations.empty()) {
      total.interval.reset();
      continue;
    }
    total.ratio = total.peer_us / total.ditune_us;
    if (total.interval) total.interval = Range{intervals[i].low / total.ditune_us, intervals[i].high / total.ditune_us};
  }
  return totals;
}

Winners::Winners(std::span<const TuningRecord> records, const DeviceClass& device, Regime regime) {
  for (const TuningRecord& record : records) {
    if (record.key.device != device) continue;
    const auto [entry, is_new] = by_operation_.try_emplace(record.key.operation, &record);
    if (!is_new && is_preferred(record, *entry->second, regime)) entry->second = &record;
  }
}

const TuningRecord* Winners::of(const Operation& operation) const {
  const auto entry = by_operation_.find(operation);
  return entry == by_operation_.end() ? nullptr : entry->second;
}

std::vector<OtherDevice> other_devices(const Rows& rows) {
  std::set<DeviceClass> devices;
  for (const TuningRecord& record : rows.records)
    if (record.key.device != rows.device) devices.insert(record.key.device);
  const Winners here(rows.records, rows.device, rows.regime);
  std::vector<OtherDevice> others;
  for (const DeviceClass& device : devices) {
    const Winners there(rows.records, device, rows.regime);
    OtherDevice other{.device = device};
    for (const Layer& layer : rows.layers) {
      const TuningRecord *a = here.of(layer.operation), *b = there.of(layer.operation);
      if (!a || !b || a->key.regime != b->key.regime) continue;
      other.operations.insert(layer.operation);
      other.here_us += a->microseconds() * layer.calls;
      other.there_us += b->microseconds() * layer.calls;
      other.measured = other.measured && a->source == Source::measured && b->source == Source::measured;
    }
    if (!other.operations.empty()) others.push_back(other);
  }
  return others;
}

std::vector<Change> changes(const Rows& rows) {
  if (!rows.against) return {};
  const Winners now(rows.records, rows.device, rows.regime), then(rows.against->records, rows.device, rows.regime);
  std::vector<Change> all;
  for (const Layer& layer : rows.layers) {
    Change& change = all.emplace_back(Change{&layer, now.of(layer.operation), then.of(layer.operation)});
    if (!change.now || !change.then || change.now->source != change.then->source ||
        change.now->key.regime != change.then->key.regime)
      continue;
    change.ratio = change.then->microseconds() / change.now->microseconds();
    const auto a = interval_of(*change.now), b = interval_of(*change.then);
    if (a && b) change.interval = Range{b->low / a->high, b->high / a->low};
    change.verdict = verdict_on(change.ratio, change.interval);
  }
  return all;
}

}  // namespace ditune::report
