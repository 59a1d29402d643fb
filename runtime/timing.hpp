// How long a launch takes: CUDA-graph replays, operands rotating beyond L2, entries interleaved in rounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/cuda.hpp"
#include "runtime/nvml.hpp"

namespace ditune {

// One thing to time.
struct TimedEntry {
  std::string name;
  int sets = 1;  // operand sets that its launches rotate over
  // Enqueues one launch on operand set `set`, 0 <= set < sets. Is called under stream capture: no allocation, no
  // waiting.
  std::function<void(int set, const Stream& stream)> launch;
};

struct TimingOptions {
  int rounds = 10;
  double replay_us = 3000;  // what one replay of many launches should take
  // Idle time after a replay, as a multiple of it. An INT8 GEMM at full rate draws more than many cards are allowed:
  // with none, later entries run at the clocks that earlier ones left, and all of them throttled.
  double rest = 1;
};

struct TimingResult {
  std::vector<std::vector<double>> samples_us;  // [entry][round]: mean time of a launch in that round's replay
  std::vector<std::optional<GpuState>> states;  // [round]: read while entry 0 was at work; empty without NVML
};

// In every round each entry is replayed once; the order turns by one from round to round. Launches ahead of each replay
// keep the submission out of its time. Every entry is launched once on every set before. Throws CudaError if a launch
// fails.
TimingResult time_interleaved(std::span<const TimedEntry> entries, const TimingOptions& options,
                              const Nvml* nvml = nullptr);

// For as long as a denoising loop runs: power and temperature settle, and the clocks with them.
struct SustainedOptions {
  int blocks = 2;  // of each entry
  double settle_s = 1, measured_s = 2;
};

// One entry back to back, once it has settled.
struct SustainedBlock {
  double launch_us = 0;
  double sm_clock_mhz = 0, power_w = 0;  // means; 0 where NVML does not tell
};

// Blocks of all entries in turn, every other time backwards. [entry][block]. Throws CudaError if a launch fails.
std::vector<std::vector<SustainedBlock>> time_sustained(std::span<const TimedEntry> entries,
                                                        const SustainedOptions& options, const Nvml* nvml = nullptr);

// How many operand sets of `set_bytes` (all that one launch reads and writes) a rotation needs so that none is found in
// L2: three times its size in all, but at most kMaxOperandSets and at most `memory_cap` bytes; at least one.
inline constexpr int kMaxOperandSets = 256;
int operand_sets(std::size_t set_bytes, std::int64_t l2_bytes, std::size_t memory_cap);

// Launches in one replay: as many as fill replay_us at launch_us each, a whole number of rotations over the sets, and
// no fewer than kMinLaunches; no more than kMaxLaunches, except that every set is used once.
inline constexpr int kMinLaunches = 4;
inline constexpr int kMaxLaunches = 1024;
int launches_per_replay(double launch_us, double replay_us, int sets);

// First quartile, median and third quartile, linear between samples. Zeros if there are none.
struct Quartiles {
  double low = 0, median = 0, high = 0;
};
Quartiles quartiles(std::vector<double> samples);

// Two samples between which the median of what they are drawn from lies with a probability of at least 95%, whatever
// their distribution: it is on either side of each sample with the same chance. There are none of fewer than six.
struct Interval {
  double low = 0, high = 0;
};
std::optional<Interval> median_interval(std::vector<double> samples);

}  // namespace ditune
