// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>

#include "cli/files.hpp"
#include "cli/output.hpp"
#include "ditune/error.hpp"

namespace ditune::cli {
namespace {

struct Refused {
  std::string why;
};

double positive(const Json& row, const char* key) {
  const double value = row.at(key).get<double>();
  if (!(value > 0) || !std::isfinite(value)) throw Refused{fmt::format("{} is {}", key, value)};
  return value;
}

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

}  // namespace

report::Benchmark read_benchmark(const std::filesystem::path& path) {
  report::Benchmark benchmark{.file = path.string(), .rows = {}};
  const std::string text = read_file(path);
  const auto refuse = [&](const std::string& why) {
    return UsageError(fmt::format("{} is no benchmark: {}", path.string(), why), "ditune bench --json writes them");
  };
  try {
    const Json json = Json::parse(text);
    if (!json.is_array()) throw Refused{"it is no JSON array"};
    for (const Json& row : json) {
      if (row.contains("reason") && !row.contains("median_us"))
        ++benchmark.without_time;
      else
        benchmark.rows.push_back(row_of(row));
    }
  } catch (const Refused& refused) {
    throw refuse(refused.why);
  } catch (const UsageError& error) {
    throw refuse(error.what());
  } catch (const Json::exception& error) {
    throw refuse(error.what());
  }
  return benchmark;
}

}  // namespace ditune::cli
