// SPDX-License-Identifier: Apache-2.0
#include "db/header_rows.hpp"

#include <map>
#include <tuple>

#include "core/kind.hpp"
#include "db/validate.hpp"
#include "ditune/error.hpp"
#include "lookup/serving.hpp"

namespace ditune {
namespace {

// By what one range of M is looked up by: the order of the rows.
struct ByLayer {
  bool operator()(const TuningKey& a, const TuningKey& b) const {
    const auto rank = [](const TuningKey& key) { return std::tie(key.device.arch, key.device.name, key.device.sms); };
    if (a.operation.index() != b.operation.index()) return a.operation.index() < b.operation.index();
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    return std::is_lt(compare_layers(a.operation, b.operation));
  }
};

}  // namespace

std::vector<HeaderRow> header_rows(const std::vector<TuningRecord>& records, Regime regime) {
  std::map<TuningKey, std::map<std::int64_t, const TuningRecord*>, ByLayer> layers;
  for (const TuningRecord& record : records) {
    if (!is_of_todays_template(record)) continue;
    validate_numbers(record);
    require_legal(record.config, target_of(record.key));
    const TuningRecord*& best = layers[record.key][rows(record.key.operation)];
    if (!best || is_better(record, *best, regime)) best = &record;
  }
  if (layers.empty())
    throw UsageError(records.empty() ? "there is nothing to export" : "all records are of older kernels", "tune again");

  std::vector<HeaderRow> rows;
  for (const auto& [layer, by_m] : layers) {
    std::vector<const TuningRecord*> winners;
    for (const auto& [m, winner] : by_m) winners.push_back(winner);
    for (const Served& served : serve(winners, device_of(winners.front()->key.device)))
      rows.push_back({*served.winner, served.m_first, served.m_last});
  }
  return rows;
}

}  // namespace ditune
