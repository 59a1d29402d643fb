// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>

#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/step_file.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {
namespace {

report::PeerRow peer_of(const Json& json) {
  report::PeerRow peer{.name = json.at("name").get<std::string>(), .reason = json.value("reason", "")};
  if (!peer.reason.empty()) return peer;
  peer.us = positive(json, "median_us");
  peer.ratio = positive(json, "ratio");
  if (!json.contains("ratio_interval")) return peer;
  const auto [low, high] = json.at("ratio_interval").get<std::array<double, 2>>();
  if (!(low > 0) || !(high >= low) || !std::isfinite(high)) throw Refused{"ratio_interval is none"};
  peer.ratio_interval = report::Range{low, high};
  return peer;
}

report::BenchRow row_of(const Json& json) {
  report::BenchRow row{
      .operation = parse_operation(json.at("operation").get<std::string>()),
      .device = json.at("device").get<std::string>(),
      .regime = json.value("regime", "burst") == format(Regime::sustained) ? Regime::sustained : Regime::burst,
      .us = positive(json, "median_us")};
  for (const Json& peer : json.at("against")) row.peers.push_back(peer_of(peer));
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
  const std::string text = read_file(path);
  const auto refuse = [&](const std::string& why) {
    return UsageError(fmt::format("{} is no benchmark: {}", path.string(), why),
                      "ditune bench --json and python -m ditune.bench --json write them");
  };
  try {
    const Json json = Json::parse(text);
    if (json.is_array())
      rows.benchmarks.emplace_back(benchmark_of(json)).file = path.string();
    else
      rows.steps.emplace_back(step_benchmark_of(json, path.string()));
  } catch (const Refused& refused) {
    throw refuse(refused.why);
  } catch (const UsageError& error) {
    throw refuse(error.what());
  } catch (const Json::exception& error) {
    throw refuse(error.what());
  }
}

}  // namespace ditune::cli
