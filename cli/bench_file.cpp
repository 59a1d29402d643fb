// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_file.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "cli/files.hpp"
#include "cli/json_values.hpp"
#include "cli/step_file.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {
namespace {

report::PeerRow peer_of(const Json& json) {
  report::PeerRow peer{.name = text_at(json, "name"), .reason = text_of(json, "reason").value_or("")};
  if (!peer.reason.empty()) return peer;
  peer.us = positive(json, "median_us");
  peer.ratio = positive(json, "ratio");
  const Json* const interval = known(json, "ratio_interval");
  if (!interval) return peer;
  const Json::array_t& ends = as_list(*interval, "ratio_interval");
  if (ends.size() != 2) throw Refused{"ratio_interval has no two ends"};
  const double low = as_number(ends[0], "ratio_interval"), high = as_number(ends[1], "ratio_interval");
  if (!(low > 0) || !(high >= low) || !std::isfinite(high)) throw Refused{"ratio_interval is none"};
  peer.ratio_interval = report::Range{low, high};
  return peer;
}

report::BenchRow row_of(const Json& json) {
  report::BenchRow row{
      .operation = parse_operation(text_at(json, "operation")),
      .device = text_at(json, "device"),
      .regime = text_of(json, "regime") == format(Regime::sustained) ? Regime::sustained : Regime::burst,
      .us = positive(json, "median_us")};
  for (const Json& peer : list_at(json, "against")) row.peers.push_back(peer_of(peer));
  return row;
}

report::Benchmark benchmark_of(const Json& json) {
  report::Benchmark benchmark{.file = {}, .rows = {}};
  for (const Json& row : json) {
    if (row.contains("reason") && !row.contains("median_us"))
      ++benchmark.without_time;
    else
      benchmark.rows.push_back(row_of(row));
  }
  return benchmark;
}

}  // namespace

void add_benchmark(report::Rows& rows, const std::filesystem::path& path) {
  constexpr std::size_t kMostBytes = std::size_t{256} << 20;
  const std::string text = read_file(path, kMostBytes);
  const auto refuse = [&](const std::string& why) {
    return UsageError(fmt::format("{} is no benchmark: {}", path.string(), why),
                      "ditune bench --json and python -m ditune.bench --json write them");
  };
  try {
    const Json json = parse_json(text);
    if (json.is_array())
      rows.benchmarks.emplace_back(benchmark_of(json)).file = path.string();
    else
      rows.steps.emplace_back(step_benchmark_of(json, path.string()));
  } catch (const Refused& refused) {
    throw refuse(refused.why);
  } catch (const UsageError& error) {
    throw refuse(error.what());
  }
}

}  // namespace ditune::cli
