// SPDX-License-Identifier: Apache-2.0
#include "runtime/timing.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <numeric>
#include <thread>

#include "runtime/energy.hpp"

namespace ditune {
namespace {

// An entry ready to be replayed.
struct Replay {
  Graph graph;
  int launches = 0;
  int ahead = 0;  // launches that keep the GPU at work while the replay is submitted
  double us = 0;  // what it should take
};

// Writes more than L2 holds: see time_interleaved.
class Scatter {
 public:
  Scatter() : buffer_(kTimesL2 * std::max<std::size_t>(current_l2_bytes(), 1)) {}
  void operator()(const Stream& stream) const { fill(buffer_.get(), 0, buffer_.bytes(), stream); }

 private:
  static constexpr std::size_t kTimesL2 = 5;  // 256 MiB on an H100; 64 MiB left some states as they were
  DeviceBuffer buffer_;
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

Replay capture(const TimedEntry& entry, double replay_us, const Stream& stream) {
  constexpr double kSubmissionUs = 50;
  const double launch_us = warm_up(entry, stream);
  const int launches = launches_per_replay(launch_us, replay_us, entry.sets);
  return {Graph::capture(stream,
                         [&] {
                           for (int i = 0; i < launches; ++i) entry.launch(i % entry.sets, stream);
                         }),
          launches, static_cast<int>(std::ceil(kSubmissionUs / std::max(launch_us, 1.0))), launches * launch_us};
}

// Replays without a pause until `seconds` have passed, at least one; how many. One is queued behind the one that runs.
int keep_busy(const Replay& replay, double seconds, const Stream& stream, const std::function<void()>& watch) {
  const double end = steady_s() + seconds;
  const std::array<Event, 2> done;
  int replays = 0;
  do {
    replay.graph.launch(stream);
    done[replays % 2].record(stream);
    if (++replays > 1) done[replays % 2].synchronize();
    watch();
  } while (steady_s() < end);
  return replays;
}

// Over the states in which the card told it; 0 if there are none.
double mean_told(std::span<const std::optional<GpuState>> states, double GpuState::*value) {
  double sum = 0;
  int told = 0;
  for (const std::optional<GpuState>& state : states) {
    if (!state || (*state).*value == 0) continue;
    sum += (*state).*value;
    ++told;
  }
  return told == 0 ? 0 : sum / told;
}

// What a block has cost is known once the meter has seen what came after it.
struct TimedBlock {
  SustainedBlock block = {};
  double from_s = 0, to_s = 0;  // when it was measured
};

TimedBlock run_block(const Replay& replay, const SustainedOptions& options, const Stream& stream, const Nvml* nvml) {
  const Event start, stop;
  keep_busy(replay, options.settle_s, stream, [] {});
  TimedBlock timed{.from_s = steady_s()};
  std::vector<std::optional<GpuState>> states;
  start.record(stream);
  const int replays = keep_busy(replay, options.measured_s, stream, [&] {
    if (nvml) states.push_back(nvml->state());
  });
  stop.record(stream);
  timed.to_s = steady_s();  // before the queue runs dry, so that the card was at work all the time
  stop.synchronize();
  timed.block.launch_us = elapsed_us(start, stop) / (1.0 * replays * replay.launches);
  timed.block.sm_clock_mhz = mean_told(states, &GpuState::sm_clock_mhz);
  timed.block.temperature_c = mean_told(states, &GpuState::temperature_c);
  for (const std::optional<GpuState>& state : states)
    if (state) timed.block.limits = timed.block.limits | state->limits;
  return timed;
}

// The set that is used `i` launches before set 0: what the replay begins with is not in L2.
int sets_before(const TimedEntry& entry, int i) { return (entry.sets - i % entry.sets) % entry.sets; }

}  // namespace

Samples interleave(std::size_t entries, int rounds, const Stay& stay,
                   const std::function<double(std::size_t entry)>& time_once) {
  Samples samples(entries);
  std::vector<std::size_t> running(entries);
  std::iota(running.begin(), running.end(), std::size_t{0});
  for (int round = 0; round < rounds && !running.empty(); ++round) {
    std::vector<std::size_t> order = running;
    std::ranges::rotate(order, order.begin() + round / 2 % std::ssize(order));
    if (round % 2 == 1) std::ranges::reverse(order);
    for (const std::size_t entry : order) samples[entry].push_back(time_once(entry));
    if (stay && round + 1 < rounds) running = stay(samples);
  }
  return samples;
}

TimingResult time_interleaved(std::span<const TimedEntry> entries, const TimingOptions& options, const Nvml* nvml,
                              const Stay& stay) {
  TimingResult result{.samples_us = Samples(entries.size())};
  if (entries.empty() || options.rounds < 1) return result;

  const Stream stream;
  std::vector<Replay> replays;
  for (const TimedEntry& entry : entries) replays.push_back(capture(entry, options.round_us / kMostReplays, stream));
  const Scatter scatter;

  for (const Replay& replay : replays) replay.graph.launch(stream);  // a graph's first launch uploads it
  const Event start, stop;
  std::size_t watched = 0;
  const Stay stay_and_watch = [&](const Samples& samples_us) {
    std::vector<std::size_t> running = stay(samples_us);
    if (!running.empty()) watched = std::ranges::min(running);
    return running;
  };
  result.samples_us =
      interleave(entries.size(), options.rounds, stay ? stay_and_watch : Stay(), [&](std::size_t entry) {
        const Replay& replay = replays[entry];
        const int count = replays_per_round(replay.us, options.round_us);
        double sum_us = 0;
        for (int i = 0; i < count; ++i) {
          scatter(stream);
          for (int j = replay.ahead; j > 0; --j) entries[entry].launch(sets_before(entries[entry], j), stream);
          start.record(stream);
          replay.graph.launch(stream);
          stop.record(stream);
          if (nvml && entry == watched && i == 0) result.states.push_back(nvml->state());
          stop.synchronize();
          const double replay_us = elapsed_us(start, stop);
          std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(options.rest * replay_us));
          sum_us += replay_us;
        }
        return sum_us / (count * replay.launches);
      });
  return result;
}

std::vector<std::vector<SustainedBlock>> time_sustained(std::span<const TimedEntry> entries,
                                                        const SustainedOptions& options, const Nvml* nvml,
                                                        const Stay& stay) {
  constexpr double kReplayUs = 20000;  // long beside what its submission takes
  constexpr double kWarmUpTurnS = 0.1;
  std::vector<std::vector<SustainedBlock>> result(entries.size());
  if (entries.empty()) return result;
  const Stream stream;
  std::vector<Replay> replays;
  for (const TimedEntry& entry : entries) replays.push_back(capture(entry, kReplayUs, stream));
  const Scatter scatter;

  EnergyMeter meter([nvml] { return nvml ? nvml->energy_j() : std::nullopt; });
  for (const double end = steady_s() + options.warm_up_s; steady_s() < end;)
    for (std::size_t entry = 0; entry < entries.size(); ++entry) {
      entries[entry].launch(0, stream);
      keep_busy(replays[entry], kWarmUpTurnS, stream, [] {});
    }
  std::vector<std::vector<TimedBlock>> timed(entries.size());
  interleave(entries.size(), options.blocks, stay, [&](std::size_t entry) {
    scatter(stream);
    entries[entry].launch(0, stream);
    return timed[entry].emplace_back(run_block(replays[entry], options, stream, nvml)).block.launch_us;
  });
  const std::vector<EnergyReading> readings = meter.stop();
  for (std::size_t entry = 0; entry < entries.size(); ++entry)
    for (TimedBlock& block : timed[entry]) {
      block.block.power_w = mean_power_w(readings, block.from_s, block.to_s).value_or(0);
      result[entry].push_back(block.block);
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

int replays_per_round(double replay_us, double round_us) {
  return static_cast<int>(std::clamp<double>(std::round(round_us / std::max(replay_us, 1e-3)), 1, kMostReplays));
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

std::optional<Interval> median_interval(std::vector<double> samples, double confidence) {
  std::sort(samples.begin(), samples.end());
  // The median is below the k-th smallest with the chance of fewer than k heads of as many coins as there are samples.
  const auto n = static_cast<double>(samples.size());
  const auto chance = [n](double heads) {
    return std::exp(std::lgamma(n + 1) - std::lgamma(heads + 1) - std::lgamma(n - heads + 1) - n * std::log(2.0));
  };
  std::size_t k = 0;
  for (double below = chance(0); below <= (1 - confidence) / 2; below += chance(static_cast<double>(k))) ++k;
  if (k == 0) return std::nullopt;
  return Interval{samples[k - 1], samples[samples.size() - k]};
}

}  // namespace ditune
