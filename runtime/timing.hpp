// SPDX-License-Identifier: Apache-2.0
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
  // waiting; and once at least before every replay or block, so that it can be seen that the timing goes on.
  std::function<void(int set, const Stream& stream)> launch;
};

// [entry][round]: mean time of a launch in that round.
using Samples = std::vector<std::vector<double>>;

// Asked after each round but the last, who runs in the next one: those of the entries that ran in this one which are
// still of interest. Nobody: it is over. Empty: all run in all rounds.
using Stay = std::function<std::vector<std::size_t>(const Samples& samples_us)>;

// Rounds in which everyone who is still in it is timed once: at most `rounds`. Those who left have a prefix of the
// samples. The order turns by one from one pair of rounds to the next, and the second of a pair goes backwards: who
// follows whom changes, and what one leaves behind (heat, a lower clock) falls on others in turn.
Samples interleave(std::size_t entries, int rounds, const Stay& stay,
                   const std::function<double(std::size_t entry)>& time_once);

struct TimingOptions {
  int rounds = 20;         // at most
  double round_us = 3000;  // what the replays of one entry in one round should take
  // Idle time after a replay, as a multiple of it. A kernel at full rate draws more than many cards are allowed:
  // with none, later entries run at the clocks that earlier ones left, and all of them throttled.
  double rest = 1;
};

struct TimingResult {
  Samples samples_us = {};
  // [round]: read while entry 0 was at work, or once it left, the first in its place; empty without NVML.
  std::vector<std::optional<GpuState>> states = {};
};

// In a round each entry is replayed a few times (replays_per_round), and the card rests after each. On which SMs the
// CTAs of a kernel start depends on what ran before, and stays as it is from launch to launch: 128 CTAs of 64x64 on an
// H100's 132 SMs took from 9.6 to 10.6 us, each time to within 0.1%. Writing a multiple of L2 leaves another such state
// each time, and nothing in L2: that is done ahead of each replay, so that a round is a mean over states and not one of
// them. Launches that follow it keep the submission out of the time. Every entry is launched once on every set before.
// Throws CudaError if a launch fails.
TimingResult time_interleaved(std::span<const TimedEntry> entries, const TimingOptions& options,
                              const Nvml* nvml = nullptr, const Stay& stay = {});

// For as long as a denoising loop runs: power and temperature settle, and the clocks with them.
struct SustainedOptions {
  int blocks = 2;                       // of each entry, at most
  double warm_up_s = 0;                 // all in turn, before the first block
  double settle_s = 1, measured_s = 2;  // of each block
};

// One entry back to back, once it has settled.
struct SustainedBlock {
  double launch_us = 0;
  double sm_clock_mhz = 0, power_w = 0, temperature_c = 0;  // means; 0 where NVML does not tell
  ClockLimits limits = {};                                  // at any time in it
};

// The card never rests: what an entry finds is what the others left, heat and lowered clocks. The blocks are
// interleaved: a round is one of each. Ahead of each block more than L2 holds is written, as above. [entry][block].
// Throws CudaError if a launch fails.
std::vector<std::vector<SustainedBlock>> time_sustained(std::span<const TimedEntry> entries,
                                                        const SustainedOptions& options, const Nvml* nvml = nullptr,
                                                        const Stay& stay = {});

// How many operand sets of `set_bytes` (all that one launch reads and writes) a rotation needs so that none is found in
// L2: three times its size in all, but at most kMaxOperandSets and at most `memory_cap` bytes; at least one.
inline constexpr int kMaxOperandSets = 256;
int operand_sets(std::size_t set_bytes, std::int64_t l2_bytes, std::size_t memory_cap);

// Launches in one replay: as many as fill replay_us at launch_us each, a whole number of rotations over the sets, and
// no fewer than kMinLaunches; no more than kMaxLaunches, except that every set is used once.
inline constexpr int kMinLaunches = 4;
inline constexpr int kMaxLaunches = 1024;
int launches_per_replay(double launch_us, double replay_us, int sets);

// Replays of one entry in one round: as many as fill round_us, from one to kMostReplays.
inline constexpr int kMostReplays = 4;
int replays_per_round(double replay_us, double round_us);

// First quartile, median and third quartile, linear between samples. Zeros if there are none.
struct Quartiles {
  double low = 0, median = 0, high = 0;
};
Quartiles quartiles(std::vector<double> samples);

// Two samples between which the median of what they are drawn from lies with at least this probability, whatever their
// distribution: it is on either side of each sample with the same chance. Too few have none, fewer than six at 95%.
struct Interval {
  double low = 0, high = 0;
};
std::optional<Interval> median_interval(std::vector<double> samples, double confidence = 0.95);

}  // namespace ditune
