// ditune bench: what lookup finds, timed beside cuBLASLt in the same interleaved rounds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"
#include "cli/variant.hpp"
#include "ditune/library.hpp"
#include "runtime/cublaslt.hpp"
#include "runtime/nvml.hpp"
#include "runtime/timing.hpp"
#include "tuner/gpu.hpp"

namespace ditune::cli {
namespace {

struct Options {
  RecordOptions records;
  bool against_cublaslt = false;
  bool json = false;
};

constexpr std::array<std::string_view, 1> kPeers{"cublaslt"};
constexpr std::size_t kPeerBytes = std::size_t{1} << 30;  // operands of each peer

// A peer, or the reason why it was not timed.
struct PeerTime {
  std::string name, reason;
  int algorithm = 0;  // the fastest, as cuBLASLt's heuristic numbers them
  double median_us = 0;
};

struct Result {
  Target target;
  LookupResult found;
  std::string failure;  // why what was found is wrong: nothing is timed then
  double median_us = 0;
  std::vector<PeerTime> peers;
  TimingResult timing;  // entry 0 is ditune's
};

// The entries of a peer are its algorithms, in order, from `first` on.
PeerTime fastest(const Peer& peer, std::size_t first, const TimingResult& timing) {
  PeerTime best{.name = peer.name, .reason = peer.reason};
  for (int algorithm = 0; peer.reason.empty() && algorithm < peer.algorithms; ++algorithm) {
    const double median = quartiles(timing.samples_us[first + algorithm]).median;
    if (best.median_us == 0 || median < best.median_us) {
      best.algorithm = algorithm;
      best.median_us = median;
    }
  }
  return best;
}

Result bench_layer(const GpuTuner& gpu, const Target& target, const LookupResult& found, bool peers_too,
                   const Nvml& nvml) {
  Result result;
  result.target = target;
  result.found = found;
  const CheckedEntry ours = gpu.timed_entry(target, result.found.config);
  result.failure = ours.failure;
  if (!ours.ok()) return result;
  std::vector<TimedEntry> entries = {ours.entry};
  const std::vector<Peer> peers =
      peers_too ? cublaslt_peers(target.problem, target.device, kPeerBytes) : std::vector<Peer>{};
  for (const Peer& peer : peers)
    for (int i = 0; peer.reason.empty() && i < peer.algorithms; ++i)
      entries.push_back({peer.name, peer.sets, [&peer, i](int set, const Stream& s) { peer.launch(i, set, s); }});
  result.timing = time_interleaved(entries, {}, &nvml);
  result.median_us = quartiles(result.timing.samples_us[0]).median;
  std::size_t first = 1;
  for (const Peer& peer : peers) {
    result.peers.push_back(fastest(peer, first, result.timing));
    if (peer.reason.empty()) first += static_cast<std::size_t>(peer.algorithms);
  }
  return result;
}

Json peer_json(const PeerTime& peer, const GemmProblem& problem) {
  if (!peer.reason.empty()) return {{"name", peer.name}, {"reason", peer.reason}};
  return {{"name", peer.name},
          {"median_us", peer.median_us},
          {"tops", tops(problem, peer.median_us)},
          {"algorithm", peer.algorithm}};
}

Json result_json(const Result& result) {
  const GemmProblem& problem = result.target.problem;
  Json json = layer_json(problem, result.target.epilogue);
  json["config"] = format(result.found.config);
  add_device(json, device_class(result.target.device));
  json["match"] = format(result.found.match);
  if (!result.failure.empty()) {
    json["reason"] = result.failure;
    return json;
  }
  json["source"] = format(Source::measured);
  json["median_us"] = result.median_us;
  json["tops"] = tops(problem, result.median_us);
  json["against"] = Json::array();
  for (const PeerTime& peer : result.peers) json["against"].push_back(peer_json(peer, problem));
  json["rounds"] = Json::array();
  for (const double us : result.timing.samples_us[0]) json["rounds"].push_back({{"us", us}});
  for (std::size_t round = 0; round < result.timing.states.size(); ++round)
    if (const auto& state = result.timing.states[round]) {
      json["rounds"][round]["sm_clock_mhz"] = state->sm_clock_mhz;
      json["rounds"][round]["power_w"] = state->power_w;
    }
  return json;
}

// "1755-1980" over the rounds, or nothing where NVML is not there.
std::string range(const TimingResult& timing, double GpuState::*field) {
  std::vector<double> values;
  for (const auto& state : timing.states)
    if (state) values.push_back((*state).*field);
  if (values.empty()) return "";
  const auto [low, high] = std::ranges::minmax(values);
  return fmt::format("{:.0f}-{:.0f}", low, high);
}

Table result_table(const std::vector<Result>& results) {
  std::vector<Column> columns = {{"PROBLEM"}, {"EPILOGUE"},         {"CONFIG"},
                                 {"MATCH"},   {"US", Align::right}, {"TOPS", Align::right}};
  for (const PeerTime& peer : results[0].peers) columns.push_back({peer.name + " TOPS", Align::right});
  columns.push_back({"MHZ", Align::right});
  columns.push_back({"W", Align::right});
  Table table(columns);
  for (const Result& result : results) {
    const GemmProblem& problem = result.target.problem;
    std::vector<std::string> cells = {format(problem),
                                      format(result.target.epilogue),
                                      format(result.found.config),
                                      std::string(format(result.found.match)),
                                      number(result.median_us),
                                      number(tops(problem, result.median_us))};
    for (const PeerTime& peer : result.peers)
      cells.push_back(peer.reason.empty() ? number(tops(problem, peer.median_us)) : "-");
    cells.push_back(range(result.timing, &GpuState::sm_clock_mhz));
    cells.push_back(range(result.timing, &GpuState::power_w));
    table.add(cells);
  }
  return table;
}

// How ditune compares with each peer over all problems that the peer ran, and why it did not run the others.
void print_comparison(const std::vector<Result>& results) {
  for (std::size_t i = 0; i < results[0].peers.size(); ++i) {
    double log_ratio = 0;
    int count = 0;
    std::string reason;
    for (const Result& result : results) {
      const PeerTime& peer = result.peers[i];
      if (!peer.reason.empty()) {
        reason = fmt::format("{}: {}", format(result.target.problem), peer.reason);
        continue;
      }
      log_ratio += std::log(peer.median_us / result.median_us);
      ++count;
    }
    const std::string& name = results[0].peers[i].name;
    if (count > 0)
      fmt::print("{:.3f}x the speed of {} (geometric mean of {})\n", std::exp(log_ratio / count), name, count);
    if (!reason.empty()) fmt::print("{} did not run {}\n", name, reason);
  }
}

// A line for each layer whose kernel is wrong; removes them from the results.
void report_failures(std::vector<Result>& results) {
  for (const Result& result : results)
    if (!result.failure.empty())
      print_error(fmt::format("{} {} {} is wrong: {}", format(result.target.problem), format(result.target.epilogue),
                              format(result.found.config), result.failure));
  std::erase_if(results, [](const Result& result) { return !result.failure.empty(); });
}

ExitCode bench(const Options& options) {
  const std::vector<SelectedLayer> layers = require_layers(options.records.select);
  const VisibleTarget chosen = choose_visible(options.records.target);
  const auto store = open_existing(options.records.db);
  const Library library(store ? store->winners() : std::vector<TuningRecord>{});
  const GpuTuner gpu({.ordinal = chosen.ordinal});
  use_device(chosen.ordinal);
  const Nvml nvml(device_uuid(chosen.ordinal));
  std::vector<Result> results;
  for (const SelectedLayer& layer : layers) {
    const Target target{layer.problem, layer.epilogue, chosen.device};
    const LookupResult found = library.lookup(target.problem, target.epilogue, target.device);
    if (found.match == Match::none)
      report_no_variant(target);
    else
      results.push_back(bench_layer(gpu, target, found, options.against_cublaslt, nvml));
  }
  const auto right = std::ranges::count(results, std::string(), &Result::failure);
  if (options.json) {
    Json json = Json::array();
    for (const Result& result : results) json.push_back(result_json(result));
    print(json);
  } else {
    report_failures(results);
    if (!results.empty()) {
      print(result_table(results));
      print_comparison(results);
    }
  }
  return right == std::ssize(layers) ? kDone : kBadAnswer;
}

}  // namespace

void add_bench(CLI::App& app, Run& run) {
  const Command<Options> command(app, run, "bench", "what lookup finds, timed beside a peer", bench);
  add_records(*command.app, command.options->records);
  Options& options = *command.options;
  add_word(*command.app, "--against", kPeers, "the peer (none)",
           [&options](std::size_t) { options.against_cublaslt = true; });
  command.app->add_flag("--json", command.options->json, "as a JSON array");
}

}  // namespace ditune::cli
