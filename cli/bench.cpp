// SPDX-License-Identifier: Apache-2.0
// ditune bench: what lookup finds, timed beside its peers in the same interleaved rounds, or blocks.
#include <fmt/format.h>

#include <algorithm>

#include "cli/bench_peers.hpp"
#include "cli/bench_report.hpp"
#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/environment.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"
#include "cli/variant.hpp"
#include "core/text.hpp"
#include "ditune/error.hpp"
#include "runtime/comparison.hpp"
#include "tuner/measure/gpu.hpp"

namespace ditune::cli {
namespace {

struct BenchFlags {
  RecordOptions records;
  std::vector<std::string> against;
  Regime regime = Regime::burst;
  double min_clock_mhz = 0;
  bool json = false;
};

constexpr NumberRange kClocks{.least = 1, .most = 10000};  // MHz
constexpr int kSustainedAlgorithms = 2;                    // of a peer: its fastest in bursts
constexpr TimingOptions kFirstLook{.rounds = 4};           // which finds them

// What is timed together: ditune's kernel, then the peers' algorithms.
struct Contest {
  std::vector<Peer> peers = {};
  std::vector<TimedEntry> entries = {};
  std::vector<Entrant> entrants = {};  // of every entry but the first
};

Contest gather(const TimedEntry& ours, const Target& target, const KernelConfig& served,
               const std::vector<Peers>& peers) {
  Contest contest;
  contest.entries.push_back(ours);
  for (const Peers& of : peers) std::ranges::move(of(target, served), std::back_inserter(contest.peers));
  for (std::size_t p = 0; p < contest.peers.size(); ++p) {
    const Peer& peer = contest.peers[p];
    for (int i = 0; peer.reason.empty() && i < peer.algorithms; ++i) {
      contest.entries.push_back({peer.configs.empty() ? peer.name : peer.configs[static_cast<std::size_t>(i)],
                                 peer.sets,
                                 [launch = peer.launch, i](int set, const Stream& s) { launch(i, set, s); }});
      contest.entrants.push_back({p, i});
    }
  }
  return contest;
}

Contest only(const Contest& contest, const std::vector<std::size_t>& entries) {
  Contest kept{.peers = contest.peers};
  for (const std::size_t entry : entries) {
    kept.entries.push_back(contest.entries[entry]);
    if (entry > 0) kept.entrants.push_back(contest.entrants[entry - 1]);
  }
  return kept;
}

void add_peers(BenchResult& result, const Contest& contest, const std::vector<std::vector<double>>& samples_us,
               const std::vector<Figures>& figures) {
  result.figures = figures[0];
  const auto found = compare(contest.entrants, contest.peers.size(), samples_us);
  for (std::size_t p = 0; p < contest.peers.size(); ++p) {
    PeerFigures& peer = result.peers.emplace_back();
    peer.name = contest.peers[p].name;
    peer.reason = contest.peers[p].reason;
    if (!found[p]) continue;
    peer.algorithm = found[p]->algorithm;
    for (std::size_t i = 0; i < contest.entrants.size() && !contest.peers[p].configs.empty(); ++i)
      if (contest.entrants[i].peer == p) peer.kernels.push_back({contest.entries[i + 1].name, figures[i + 1].us});
    peer.figures = figures[found[p]->entry];
    peer.ratio = found[p]->ratio;
    peer.ratio_interval = found[p]->interval;
  }
}

std::vector<double> medians(const std::vector<std::vector<double>>& samples_us) {
  std::vector<double> result;
  for (const std::vector<double>& samples : samples_us) result.push_back(quartiles(samples).median);
  return result;
}

void bench_bursts(BenchResult& result, const Contest& contest, double min_clock_mhz, const Nvml& nvml) {
  const CountedRounds counted = count_rounds(time_interleaved(contest.entries, {}, &nvml), min_clock_mhz);
  result.discarded = counted.discarded;
  if (counted.states.empty()) {
    result.failure =
        fmt::format("all of {} ran below {:.0f} MHz", text::counted(counted.discarded, "round"), min_clock_mhz);
    return;
  }
  for (std::size_t round = 0; round < counted.states.size(); ++round)
    result.rounds.push_back({counted.samples_us[0][round], counted.states[round]});
  std::vector<Figures> figures;
  for (const double us : medians(counted.samples_us)) figures.push_back({.us = us});
  add_peers(result, contest, counted.samples_us, figures);
}

Figures mean(const std::vector<SustainedBlock>& blocks) {
  Figures sum;
  for (const SustainedBlock& block : blocks) {
    sum.us += block.launch_us;
    sum.sm_clock_mhz += block.sm_clock_mhz;
    sum.power_w += block.power_w;
  }
  const auto count = static_cast<double>(blocks.size());
  return {sum.us / count, sum.sm_clock_mhz / count, sum.power_w / count};
}

void bench_sustained(BenchResult& result, const Contest& all, const Nvml& nvml) {
  const std::vector<double> first_us = medians(time_interleaved(all.entries, kFirstLook).samples_us);
  const Contest contest = only(all, fastest_entries(all.entrants, first_us, kSustainedAlgorithms));
  const std::vector<std::vector<SustainedBlock>> timed = time_sustained(contest.entries, {}, &nvml);
  for (const SustainedBlock& block : timed[0])
    result.rounds.push_back({block.launch_us, GpuState{block.sm_clock_mhz, block.power_w}});
  std::vector<std::vector<double>> samples_us;
  std::vector<Figures> figures;
  for (const std::vector<SustainedBlock>& blocks : timed) {
    figures.push_back(mean(blocks));
    std::vector<double>& samples = samples_us.emplace_back();
    for (const SustainedBlock& block : blocks) samples.push_back(block.launch_us);
  }
  add_peers(result, contest, samples_us, figures);
}

// What every layer is timed with.
struct Bench {
  const BenchFlags& options;
  const GpuTuner& gpu;
  const std::vector<Peers>& peers;
  const Nvml& nvml;
};

BenchResult bench_layer(const Bench& bench, const Target& target, const LookupResult& found) {
  const BenchFlags& options = bench.options;
  BenchResult result{.target = target, .found = found, .regime = options.regime};
  const CheckedEntry ours = bench.gpu.timed_entry(target, found.config);
  result.failure = ours.failure;
  if (!ours.ok()) return result;
  const Contest contest = gather(ours.entry, target, found.config, bench.peers);
  if (options.regime == Regime::sustained)
    bench_sustained(result, contest, bench.nvml);
  else
    bench_bursts(result, contest, options.min_clock_mhz, bench.nvml);
  return result;
}

void check_min_clock(const BenchFlags& options, const Nvml& nvml) {
  if (options.min_clock_mhz == 0) return;
  if (const auto state = nvml.state(); !state || state->sm_clock_mhz == 0)
    throw UsageError("the clock of this GPU is not known",
                     "leave --min-clock out, or install NVML (libnvidia-ml.so.1)");
}

// A line for each layer without figures; removes them from the results.
void report_failures(std::vector<BenchResult>& results) {
  for (const BenchResult& result : results)
    if (!result.failure.empty())
      print_error(fmt::format("{} {} has no figures: {}", describe(result.target.operation),
                              format(result.found.config), result.failure));
  std::erase_if(results, [](const BenchResult& result) { return !result.failure.empty(); });
}

ExitCode bench(const BenchFlags& options) {
  if (options.min_clock_mhz > 0 && options.regime == Regime::sustained)
    throw UsageError("--min-clock discards rounds of bursts, and there are none with --regime sustained",
                     "leave one of the two out");
  require_peers(options.against);
  const std::vector<Operation> layers = require_layers(options.records.select);
  const VisibleTarget chosen = choose_visible(options.records.target);
  Records stored(options.records);
  const std::vector<TuningRecord> winners = stored.all_winners();
  const Library library(winners);
  const GpuTuner gpu({.ordinal = chosen.ordinal, .nvrtc = nvrtc_file()});
  use_device(chosen.ordinal);
  const Nvml nvml(device_uuid(chosen.ordinal));
  check_min_clock(options, nvml);
  const std::vector<Peers> peers = peers_of(options.against, winners, options.regime, gpu);
  std::vector<BenchResult> results;
  for (const Operation& layer : layers) {
    const Target target{layer, chosen.device};
    const LookupResult found = library.lookup(target.operation, target.device, options.regime);
    if (found.match == Match::none)
      report_no_variant(target);
    else
      results.push_back(bench_layer({options, gpu, peers, nvml}, target, found));
  }
  const auto timed = std::ranges::count(results, std::string(), &BenchResult::failure);
  if (options.json) {
    Json array = Json::array();
    for (const BenchResult& result : results) array.push_back(json(result));
    stored.add_skipped(array);
    print(array);
  } else {
    report_failures(results);
    if (!results.empty()) {
      print(options.regime == Regime::sustained ? sustained_table(results) : burst_table(results));
      for (const std::string& line : comparison(results)) print_line(line);
    }
  }
  return timed == std::ssize(layers) ? kDone : kBadAnswer;
}

}  // namespace

void add_bench(CLI::App& app, Run& run) {
  const Command<BenchFlags> command(app, run, "bench", "what lookup finds, timed beside peers", bench);
  add_records(*command.app, command.options->records);
  BenchFlags& options = *command.options;
  command.app->add_option("--against", options.against,
                          "a peer: cublaslt, plain (the GEMM without op and residual), copy (of as many bytes as a "
                          "quantize_s8 reads and writes), winners (of the layer at any M), or the file of another "
                          "database; may be repeated (none)");
  add_regime(*command.app, options.regime, "burst: with rests between; sustained: back to back, as loops run (burst)");
  add_number(*command.app, "--min-clock", kClocks,
             "MHz of the SMs, while ditune's kernel runs, below which a round of bursts does not count (none)",
             [&options](std::int64_t mhz) { options.min_clock_mhz = static_cast<double>(mhz); });
  command.app->add_flag("--json", command.options->json, "as a JSON array");
}

}  // namespace ditune::cli
