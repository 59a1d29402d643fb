#include "runtime/timing.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <numeric>
#include <thread>

namespace ditune {
namespace {

// An entry ready to be replayed.
struct Replay {
  Graph graph;
  int launches = 0;
  int ahead = 0;  // launches that keep the GPU at work while the replay is submitted
};

// The first launches: they load the kernel, raise its shared memory limit and fill caches and TLBs. Returns us per
// launch.
double warm_up(const TimedEntry& entry, const Stream& stream) {
  const Event start, stop;
  entry.launch(0, stream);
  start.record(stream);
  for (int set = 0; set < entry.sets; ++set) entry.launch(set, stream);
  stop.record(stream);
  stop.synchronize();
  return elapsed_us(start, stop) / entry.sets;
}

Replay capture(const TimedEntry& entry, const TimingOptions& options, const Stream& stream) {
  constexpr double kSubmissionUs = 50;
  const double launch_us = warm_up(entry, stream);
  const int launches = launches_per_replay(launch_us, options.replay_us, entry.sets);
  return {Graph::capture(stream,
                         [&] {
                           for (int i = 0; i < launches; ++i) entry.launch(i % entry.sets, stream);
                         }),
          launches, static_cast<int>(std::ceil(kSubmissionUs / std::max(launch_us, 1.0)))};
}

// Replays without a pause until `seconds` have passed, at least one; how many. One is queued behind the one that runs.
int keep_busy(const Replay& replay, double seconds, const Stream& stream, const std::function<void()>& watch) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  const std::array<Event, 2> done;
  int replays = 0;
  do {
    replay.graph.launch(stream);
    done[replays % 2].record(stream);
    if (++replays > 1) done[replays % 2].synchronize();
    watch();
  } while (std::chrono::steady_clock::now() < end);
  return replays;
}

SustainedBlock run_block(const Replay& replay, const SustainedOptions& options, const Stream& stream,
                         const Nvml* nvml) {
  using Clock = std::chrono::steady_clock;
  const Event start, stop;
  keep_busy(replay, options.settle_s, stream, [] {});
  const std::optional<double> energy_before = nvml ? nvml->energy_j() : std::nullopt;
  const auto began = Clock::now();
  std::vector<double> clocks;
  start.record(stream);
  const int replays = keep_busy(replay, options.measured_s, stream, [&] {
    if (const auto state = nvml ? nvml->state() : std::nullopt) clocks.push_back(state->sm_clock_mhz);
  });
  stop.record(stream);
  // Before the queue runs dry, so that the card was at work all the time.
  const std::optional<double> energy_after = nvml ? nvml->energy_j() : std::nullopt;
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  stop.synchronize();
  SustainedBlock block{.launch_us = elapsed_us(start, stop) / (1.0 * replays * replay.launches)};
  if (!clocks.empty())
    block.sm_clock_mhz = std::reduce(clocks.begin(), clocks.end()) / static_cast<double>(clocks.size());
  if (energy_before && energy_after) block.power_w = (*energy_after - *energy_before) / seconds;
  return block;
}

// The set that is used `i` launches before set 0: what the replay begins with is not in L2.
int sets_before(const TimedEntry& entry, int i) { return (entry.sets - i % entry.sets) % entry.sets; }

}  // namespace

TimingResult time_interleaved(std::span<const TimedEntry> entries, const TimingOptions& options, const Nvml* nvml) {
  TimingResult result;
  result.samples_us.resize(entries.size());
  if (entries.empty() || options.rounds < 1) return result;

  const Stream stream;
  std::vector<Replay> replays;
  for (const TimedEntry& entry : entries) replays.push_back(capture(entry, options, stream));

  for (const Replay& replay : replays) replay.graph.launch(stream);  // a graph's first launch uploads it
  const Event start, stop;
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t turn = 0; turn < replays.size(); ++turn) {
      const std::size_t entry = (static_cast<std::size_t>(round) + turn) % replays.size();
      for (int i = replays[entry].ahead; i > 0; --i) entries[entry].launch(sets_before(entries[entry], i), stream);
      start.record(stream);
      replays[entry].graph.launch(stream);
      stop.record(stream);
      if (nvml && entry == 0) result.states.push_back(nvml->state());
      stop.synchronize();
      const double replay_us = elapsed_us(start, stop);
      result.samples_us[entry].push_back(replay_us / replays[entry].launches);
      std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(options.rest * replay_us));
    }
  }
  return result;
}

std::vector<std::vector<SustainedBlock>> time_sustained(std::span<const TimedEntry> entries,
                                                        const SustainedOptions& options, const Nvml* nvml) {
  constexpr double kReplayUs = 20000;  // long beside what its submission takes
  std::vector<std::vector<SustainedBlock>> result(entries.size());
  if (entries.empty()) return result;
  const Stream stream;
  std::vector<Replay> replays;
  for (const TimedEntry& entry : entries) replays.push_back(capture(entry, {.replay_us = kReplayUs}, stream));
  for (int block = 0; block < options.blocks; ++block) {
    for (std::size_t turn = 0; turn < replays.size(); ++turn) {
      const std::size_t entry = block % 2 == 0 ? turn : replays.size() - 1 - turn;
      result[entry].push_back(run_block(replays[entry], options, stream, nvml));
    }
  }
  return result;
}

int operand_sets(std::size_t set_bytes, std::int64_t l2_bytes, std::size_t memory_cap) {
  const std::size_t bytes = std::max<std::size_t>(set_bytes, 1);
  const std::size_t beyond_l2 = (3 * static_cast<std::size_t>(l2_bytes) + bytes - 1) / bytes;
  return static_cast<int>(std::clamp<std::size_t>(std::min(beyond_l2, memory_cap / bytes), 1, kMaxOperandSets));
}

int launches_per_replay(double launch_us, double replay_us, int sets) {
  const double wanted = std::ceil(replay_us / std::max(launch_us, 1e-3));
  const int launches = static_cast<int>(std::clamp<double>(wanted, kMinLaunches, kMaxLaunches));
  return (launches + sets - 1) / sets * sets;
}

Quartiles quartiles(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double fraction) {
    const double position = fraction * static_cast<double>(samples.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const std::size_t above = std::min(below + 1, samples.size() - 1);
    return samples[below] + (position - static_cast<double>(below)) * (samples[above] - samples[below]);
  };
  return {at(0.25), at(0.5), at(0.75)};
}

std::optional<Interval> median_interval(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  // The median is below the k-th smallest with the chance of fewer than k heads of as many coins as there are samples.
  const auto n = static_cast<double>(samples.size());
  const auto chance = [n](double heads) {
    return std::exp(std::lgamma(n + 1) - std::lgamma(heads + 1) - std::lgamma(n - heads + 1) - n * std::log(2.0));
  };
  std::size_t k = 0;
  for (double below = chance(0); below <= 0.025; below += chance(static_cast<double>(k))) ++k;
  if (k == 0) return std::nullopt;
  return Interval{samples[k - 1], samples[samples.size() - k]};
}

}  // namespace ditune
