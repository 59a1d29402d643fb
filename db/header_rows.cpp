#include "db/header_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>
#include <tuple>

#include "db/validate.hpp"
#include "ditune/error.hpp"
#include "generator/emit.hpp"

namespace ditune {
namespace {

// What one range of M is looked up by, and the order of the rows.
auto layer_of(const TuningRecord& r) {
  return std::tuple(r.key.device.arch, r.key.device.name, r.key.device.sms, r.key.problem.n, r.key.problem.k,
                    format(r.key.epilogue));
}

// The largest m that is nearer to `low` than to `high` on a log scale: m * m < low * high. At the same distance the
// larger is the nearest, as in Library.
std::int64_t last_nearer(std::int64_t low, std::int64_t high) {
  const std::int64_t product = low * high;  // below 2^62
  auto m = static_cast<std::int64_t>(std::sqrt(static_cast<double>(product)));
  while (m * m >= product) --m;
  while ((m + 1) * (m + 1) < product) ++m;
  return m;
}

// The M nearest to `bound` that the config may be launched for, between it and that of the record. Constraints on M are
// bounds from above, as of the grid, and from below, where every CTA must have a part of K.
std::int64_t legal_bound(const TuningRecord& record, std::int64_t bound) {
  Target target = target_of(record.key);
  const auto is_legal = [&](std::int64_t m) {
    target.problem.m = m;
    return !refusal(record.config, target);
  };
  if (is_legal(bound)) return bound;
  std::int64_t legal = record.key.problem.m, refused = bound;
  while (std::abs(refused - legal) > 1) {
    const std::int64_t middle = std::midpoint(legal, refused);
    (is_legal(middle) ? legal : refused) = middle;
  }
  return legal;
}

}  // namespace

Target target_of(const TuningKey& key) {
  DeviceInfo device = reference_device(runs_as(key.device.arch));
  device.arch = key.device.arch;
  device.name = key.device.name;
  device.sms = key.device.sms;
  return {.problem = key.problem, .epilogue = key.epilogue, .device = device};
}

std::vector<HeaderRow> header_rows(const std::vector<TuningRecord>& records, Regime regime) {
  std::map<decltype(layer_of(records[0])), std::map<std::int64_t, const TuningRecord*>> layers;
  for (const TuningRecord& record : records) {
    if (record.key.template_hash != template_hash(record.config)) continue;
    validate_numbers(record);
    require_legal(record.config, target_of(record.key));
    const TuningRecord*& best = layers[layer_of(record)][record.key.problem.m];
    if (!best || is_better(record, *best, regime)) best = &record;
  }
  if (layers.empty())
    throw UsageError(records.empty() ? "there is nothing to export" : "all records are of older kernels", "tune again");

  std::vector<HeaderRow> rows;
  for (const auto& [layer, by_m] : layers) {
    std::int64_t first = 1;
    for (auto at = by_m.begin(); at != by_m.end(); ++at) {
      const auto next = std::next(at);
      const std::int64_t last = next == by_m.end() ? kMaxExtent : last_nearer(at->first, next->first);
      const std::int64_t first_legal = legal_bound(*at->second, first);
      if (first_legal > first && at != by_m.begin())  // the row before takes what it can
        rows.back().m_last = legal_bound(rows.back().record, first_legal - 1);
      rows.push_back({.record = *at->second, .m_first = first_legal, .m_last = legal_bound(*at->second, last)});
      first = last + 1;
    }
  }
  return rows;
}

}  // namespace ditune
