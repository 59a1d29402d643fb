// ditune bench: what lookup finds, timed beside cuBLASLt in the same interleaved rounds, or blocks.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "cli/bench_report.hpp"
#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/values.hpp"
#include "cli/variant.hpp"
#include "runtime/cublaslt.hpp"
#include "tuner/gpu.hpp"

namespace ditune::cli {
namespace {

enum class Regime { burst, sustained };

struct Options {
  RecordOptions records;
  bool against_cublaslt = false;
  Regime regime = Regime::burst;
  double min_clock_mhz = 0;
  bool json = false;
};

constexpr std::array<std::string_view, 1> kPeers{"cublaslt"};
constexpr std::array<std::string_view, 2> kRegimes{"burst", "sustained"};
constexpr NumberRange kClocks{.least = 1, .most = 10000};            // MHz
constexpr std::size_t kPeerBytes = std::size_t{1} << 30;             // operands of each peer
constexpr int kSustainedAlgorithms = 2;                              // of a peer: its fastest in bursts
constexpr TimingOptions kFirstLook{.rounds = 4, .replay_us = 3000};  // which finds them

// What is timed together: ditune's kernel, then the peers' algorithms.
struct Contest {
  struct Entrant {
    std::size_t peer;
    int algorithm;
  };
  std::vector<Peer> peers = {};
  std::vector<TimedEntry> entries = {};
  std::vector<Entrant> entrants = {};  // of every entry but the first
};

Contest gather(const TimedEntry& ours, const Target& target, bool peers_too) {
  Contest contest;
  contest.entries.push_back(ours);
  if (peers_too) contest.peers = cublaslt_peers(target.problem, target.device, kPeerBytes);
  for (std::size_t p = 0; p < contest.peers.size(); ++p) {
    const Peer& peer = contest.peers[p];
    for (int i = 0; peer.reason.empty() && i < peer.algorithms; ++i) {
      contest.entries.push_back(
          {peer.name, peer.sets, [launch = peer.launch, i](int set, const Stream& s) { launch(i, set, s); }});
      contest.entrants.push_back({p, i});
    }
  }
  return contest;
}

// Of each peer, those of its entries that are among its `most` fastest.
Contest fastest(Contest contest, const std::vector<double>& entry_us, int most) {
  Contest kept{.peers = contest.peers, .entries = {contest.entries[0]}};
  for (std::size_t i = 0; i < contest.entrants.size(); ++i) {
    int faster = 0;
    for (std::size_t j = 0; j < contest.entrants.size(); ++j)
      faster += contest.entrants[j].peer == contest.entrants[i].peer && entry_us[j + 1] < entry_us[i + 1];
    if (faster >= most) continue;
    kept.entries.push_back(contest.entries[i + 1]);
    kept.entrants.push_back(contest.entrants[i]);
  }
  return kept;
}

// `samples_us`: [entry][round or block], of those that count.
void compare(BenchResult& result, const Contest& contest, const std::vector<std::vector<double>>& samples_us,
             const std::vector<Figures>& figures) {
  result.figures = figures[0];
  for (const Peer& peer : contest.peers) result.peers.push_back({.name = peer.name, .reason = peer.reason});
  for (std::size_t i = 0; i < contest.entrants.size(); ++i) {
    PeerFigures& best = result.peers[contest.entrants[i].peer];
    if (best.figures.us > 0 && best.figures.us <= figures[i + 1].us) continue;
    best.algorithm = contest.entrants[i].algorithm;
    best.figures = figures[i + 1];
    std::vector<double> ratios;
    for (std::size_t round = 0; round < samples_us[0].size(); ++round)
      ratios.push_back(samples_us[i + 1][round] / samples_us[0][round]);
    best.ratio = quartiles(ratios).median;
    best.ratio_interval = median_interval(ratios);
  }
}

std::vector<double> medians(const std::vector<std::vector<double>>& samples_us) {
  std::vector<double> result;
  for (const std::vector<double>& samples : samples_us) result.push_back(quartiles(samples).median);
  return result;
}

void time_bursts(BenchResult& result, const Contest& contest, double min_clock_mhz, const Nvml& nvml) {
  const TimingResult timing = time_interleaved(contest.entries, {}, &nvml);
  std::vector<std::vector<double>> samples_us(contest.entries.size());
  for (std::size_t round = 0; round < timing.samples_us[0].size(); ++round) {
    const std::optional<GpuState> state = round < timing.states.size() ? timing.states[round] : std::nullopt;
    if (state && state->sm_clock_mhz < min_clock_mhz) {
      ++result.discarded;
      continue;
    }
    result.rounds.push_back({timing.samples_us[0][round], state});
    for (std::size_t entry = 0; entry < samples_us.size(); ++entry)
      samples_us[entry].push_back(timing.samples_us[entry][round]);
  }
  if (result.rounds.empty()) {
    result.failure = fmt::format("all of {} rounds ran below {:.0f} MHz", result.discarded, min_clock_mhz);
    return;
  }
  std::vector<Figures> figures;
  for (const double us : medians(samples_us)) figures.push_back({.us = us});
  compare(result, contest, samples_us, figures);
}

void time_sustained(BenchResult& result, Contest contest, const Nvml& nvml) {
  const std::vector<double> first_us = medians(time_interleaved(contest.entries, kFirstLook).samples_us);
  contest = fastest(std::move(contest), first_us, kSustainedAlgorithms);
  std::vector<std::vector<double>> samples_us;
  std::vector<Figures> figures;
  for (const std::vector<SustainedBlock>& blocks : ditune::time_sustained(contest.entries, {}, &nvml)) {
    const auto mean = [&](double SustainedBlock::*field) {
      const auto add = [&](double sum, const SustainedBlock& block) { return sum + block.*field; };
      return std::accumulate(blocks.begin(), blocks.end(), 0.0, add) / static_cast<double>(blocks.size());
    };
    figures.push_back(
        {mean(&SustainedBlock::launch_us), mean(&SustainedBlock::sm_clock_mhz), mean(&SustainedBlock::power_w)});
    std::vector<double>& samples = samples_us.emplace_back();
    for (const SustainedBlock& block : blocks) samples.push_back(block.launch_us);
  }
  compare(result, contest, samples_us, figures);
}

BenchResult bench_layer(const GpuTuner& gpu, const Target& target, const LookupResult& found, const Options& options,
                        const Nvml& nvml) {
  BenchResult result{.target = target, .found = found};
  const CheckedEntry ours = gpu.timed_entry(target, found.config);
  result.failure = ours.failure;
  if (!ours.ok()) return result;
  Contest contest = gather(ours.entry, target, options.against_cublaslt);
  if (options.regime == Regime::sustained)
    time_sustained(result, std::move(contest), nvml);
  else
    time_bursts(result, contest, options.min_clock_mhz, nvml);
  return result;
}

// A line for each layer whose kernel is wrong; removes them from the results.
void report_failures(std::vector<BenchResult>& results) {
  for (const BenchResult& result : results)
    if (!result.failure.empty())
      print_error(fmt::format("{} {} {} has no figures: {}", format(result.target.problem),
                              format(result.target.epilogue), format(result.found.config), result.failure));
  std::erase_if(results, [](const BenchResult& result) { return !result.failure.empty(); });
}

ExitCode bench(const Options& options) {
  const std::vector<SelectedLayer> layers = require_layers(options.records.select);
  const VisibleTarget chosen = choose_visible(options.records.target);
  const auto store = open_existing(options.records.db);
  const Library library(store ? store->winners() : std::vector<TuningRecord>{});
  const GpuTuner gpu({.ordinal = chosen.ordinal});
  use_device(chosen.ordinal);
  const Nvml nvml(device_uuid(chosen.ordinal));
  std::vector<BenchResult> results;
  for (const SelectedLayer& layer : layers) {
    const Target target{layer.problem, layer.epilogue, chosen.device};
    const LookupResult found = library.lookup(target.problem, target.epilogue, target.device);
    if (found.match == Match::none)
      report_no_variant(target);
    else
      results.push_back(bench_layer(gpu, target, found, options, nvml));
  }
  const auto timed = std::ranges::count(results, std::string(), &BenchResult::failure);
  if (options.json) {
    Json array = Json::array();
    for (const BenchResult& result : results) array.push_back(json(result));
    print(array);
  } else {
    report_failures(results);
    if (!results.empty()) {
      print(options.regime == Regime::sustained ? sustained_table(results) : burst_table(results));
      fmt::print("{}", comparison(results));
    }
  }
  return timed == std::ssize(layers) ? kDone : kBadAnswer;
}

}  // namespace

void add_bench(CLI::App& app, Run& run) {
  const Command<Options> command(app, run, "bench", "what lookup finds, timed beside a peer", bench);
  add_records(*command.app, command.options->records);
  Options& options = *command.options;
  add_word(*command.app, "--against", kPeers, "the peer (none)",
           [&options](std::size_t) { options.against_cublaslt = true; });
  add_word(*command.app, "--regime", kRegimes,
           "burst: with rests between; sustained: back to back, as loops run (burst)",
           [&options](std::size_t regime) { options.regime = static_cast<Regime>(regime); });
  add_number(*command.app, "--min-clock", kClocks, "MHz of the SMs below which a round of bursts does not count (none)",
             [&options](std::int64_t mhz) { options.min_clock_mhz = static_cast<double>(mhz); });
  command.app->add_flag("--json", command.options->json, "as a JSON array");
}

}  // namespace ditune::cli
