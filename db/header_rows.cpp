// SPDX-License-Identifier: Apache-2.0
#include "db/header_rows.hpp"

#include <map>
#include <tuple>

#include "db/validate.hpp"
#include "ditune/error.hpp"
#include "lookup/serving.hpp"

namespace ditune {
namespace {

// What one range of M is looked up by, and the order of the rows.
auto layer_of(const TuningRecord& r) {
  const Gemm& gemm = std::get<Gemm>(r.key.operation);
  return std::tuple(r.key.device.arch, r.key.device.name, r.key.device.sms, gemm.n, gemm.k, format(gemm.epilogue));
}

}  // namespace

std::vector<HeaderRow> header_rows(const std::vector<TuningRecord>& records, Regime regime) {
  std::map<decltype(layer_of(records[0])), std::map<std::int64_t, const TuningRecord*>> layers;
  for (const TuningRecord& record : records) {
    if (!is_of_todays_template(record)) continue;
    validate_numbers(record);
    require_legal(record.config, target_of(record.key));
    const TuningRecord*& best = layers[layer_of(record)][rows(record.key.operation)];
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
