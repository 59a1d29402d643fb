// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ditune::cli {
namespace {

void add_figures(Json& json, const Operation& operation, const Figures& figures) {
  json["median_us"] = figures.us;
  add_speed(json, operation, figures.us);
  if (figures.sm_clock_mhz > 0) json["sm_clock_mhz"] = figures.sm_clock_mhz;
  if (figures.power_w > 0) json["power_w"] = figures.power_w;
  if (const auto picojoules = known_picojoules(operation, figures.us, figures.power_w))
    json["picojoules_an_operation"] = *picojoules;
}

std::string algorithm(const PeerFigures& peer) {
  if (peer.kernels.empty()) return fmt::format("algorithm {}", peer.algorithm);
  return std::ranges::min(peer.kernels, {}, &PeerFigures::Kernel::us).config;
}

Json peer_json(const PeerFigures& peer, const Operation& operation) {
  Json json = {{"name", peer.name}};
  if (!peer.reason.empty()) {
    json["reason"] = peer.reason;
    return json;
  }
  add_figures(json, operation, peer.figures);
  if (peer.kernels.empty())
    json["algorithm"] = peer.algorithm;
  else
    json["config"] = algorithm(peer);
  for (const PeerFigures::Kernel& kernel : peer.kernels)
    json["kernels"].push_back({{"config", kernel.config}, {"median_us", kernel.us}});
  json["ratio"] = peer.ratio;
  if (peer.ratio_interval) json["ratio_interval"] = {peer.ratio_interval->low, peer.ratio_interval->high};
  return json;
}

// "1.122 (1.118-1.125)", or without the interval
std::string ratio_text(const PeerFigures& peer) {
  const std::optional<Interval>& interval = peer.ratio_interval;
  return fmt::format("{:.3f}", peer.ratio) +
         (interval ? fmt::format(" ({:.3f}-{:.3f})", interval->low, interval->high) : "");
}

// "1755-1980" over the rounds, or nothing where NVML is not there.
std::string range(const std::vector<BenchRound>& rounds, double GpuState::*field) {
  std::vector<double> values;
  for (const BenchRound& round : rounds)
    if (round.state) values.push_back((*round.state).*field);
  if (values.empty()) return "";
  const auto [low, high] = std::ranges::minmax(values);
  return fmt::format("{:.0f}-{:.0f}", low, high);
}

double geometric_mean(const std::vector<double>& values) {
  double log_sum = 0;
  for (const double value : values) log_sum += std::log(value);
  return std::exp(log_sum / static_cast<double>(values.size()));
}

std::string known(double value, int decimals = 0) { return value > 0 ? fmt::format("{:.{}f}", value, decimals) : ""; }

void add_kernel(Table& table, const BenchResult& result, const std::string& name, const Figures& figures,
                const std::string& ratio) {
  const Operation& operation = result.target.operation;
  const double picojoules = known_picojoules(operation, figures.us, figures.power_w).value_or(0);
  table.add(problem_cells(operation),
            {name, number(figures.us), speed_cell(operation, figures.us), known(figures.power_w),
             known(figures.sm_clock_mhz), known(picojoules, 4), ratio});
}

}  // namespace

Json json(const BenchResult& result) {
  const Operation& operation = result.target.operation;
  Json json = layer_json(operation);
  json["config"] = format(result.found.config);
  add_device(json, device_class(result.target.device));
  json["match"] = format(result.found.match);
  if (!result.failure.empty()) {
    json["reason"] = result.failure;
    return json;
  }
  json["source"] = format(Source::measured);
  add_figures(json, operation, result.figures);
  json["against"] = Json::array();
  for (const PeerFigures& peer : result.peers) json["against"].push_back(peer_json(peer, operation));
  const bool sustained = result.regime == Regime::sustained;
  json["regime"] = format(result.regime);
  Json& rounds = json[sustained ? "blocks" : "rounds"] = Json::array();
  for (const BenchRound& round : result.rounds) {
    rounds.push_back({{"us", round.us}});
    if (!round.state) continue;
    rounds.back()["sm_clock_mhz"] = round.state->sm_clock_mhz;
    rounds.back()["power_w"] = round.state->power_w;
  }
  if (!sustained) json["discarded_rounds"] = result.discarded;
  return json;
}

Table burst_table(const std::vector<BenchResult>& results) {
  std::vector<Column> columns = {{"PROBLEM"},           {"FUSED"}, {"CONFIG"}, {"MATCH"}, {"US", Align::right},
                                 {"TOPS", Align::right}};
  for (const PeerFigures& peer : results[0].peers) {
    columns.push_back({peer.name + " TOPS", Align::right});
    columns.push_back({"RATIO", Align::right});
  }
  columns.push_back({"MHZ", Align::right});
  columns.push_back({"W", Align::right});
  columns.push_back({"DISCARDED", Align::right});
  Table table(columns);
  for (const BenchResult& result : results) {
    const Operation& operation = result.target.operation;
    std::vector<std::string> cells = {format(result.found.config), std::string(format(result.found.match)),
                                      number(result.figures.us), speed_cell(operation, result.figures.us)};
    for (const PeerFigures& peer : result.peers) {
      cells.push_back(peer.reason.empty() ? speed_cell(operation, peer.figures.us) : "-");
      cells.push_back(peer.reason.empty() ? ratio_text(peer) : "-");
    }
    cells.push_back(range(result.rounds, &GpuState::sm_clock_mhz));
    cells.push_back(range(result.rounds, &GpuState::power_w));
    cells.push_back(fmt::format("{}", result.discarded));
    table.add(problem_cells(operation), cells);
  }
  return table;
}

Table sustained_table(const std::vector<BenchResult>& results) {
  Table table({{"PROBLEM"},
               {"FUSED"},
               {"KERNEL"},
               {"US", Align::right},
               {"TOPS", Align::right},
               {"W", Align::right},
               {"MHZ", Align::right},
               {"PJ/OP", Align::right},
               {"RATIO", Align::right}});
  for (const BenchResult& result : results) {
    add_kernel(table, result, format(result.found.config), result.figures, "");
    for (const PeerFigures& peer : result.peers)
      if (peer.reason.empty())
        add_kernel(table, result, fmt::format("{}, {}", peer.name, algorithm(peer)), peer.figures, ratio_text(peer));
  }
  return table;
}

std::vector<std::string> comparison(const std::vector<BenchResult>& results) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < results[0].peers.size(); ++i) {
    std::vector<double> ratios;
    std::string reason;
    for (const BenchResult& result : results) {
      const PeerFigures& peer = result.peers[i];
      if (peer.reason.empty())
        ratios.push_back(peer.ratio);
      else
        reason = fmt::format("{}: {}", describe_sizes(result.target.operation), peer.reason);
    }
    const std::string& name = results[0].peers[i].name;
    if (!ratios.empty())
      lines.push_back(fmt::format("{:.3f}x the speed of {} (geometric mean of {}; median {:.3f}, lowest {:.3f})",
                                  geometric_mean(ratios), name, ratios.size(), quartiles(ratios).median,
                                  std::ranges::min(ratios)));
    if (!reason.empty()) lines.push_back(fmt::format("{} did not run {}", name, reason));
  }
  return lines;
}

}  // namespace ditune::cli
