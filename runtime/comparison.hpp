// SPDX-License-Identifier: Apache-2.0
// What timed rounds say of kernels that ran beside each other: which rounds count, who is fastest, by how much.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "runtime/timing.hpp"

namespace ditune {

// The rounds that count.
struct CountedRounds {
  std::vector<std::vector<double>> samples_us;  // [entry][round]
  std::vector<std::optional<GpuState>> states;  // [round]
  int discarded = 0;
};

// Without those in which the clock, told while entry 0 was at work, was below `min_clock_mhz`. One that is not told
// counts.
CountedRounds count_rounds(const TimingResult& timing, double min_clock_mhz);

// Whose entry 1, 2, ... is: entry 0 is what all others are compared with.
struct Entrant {
  std::size_t peer = 0;
  int algorithm = 0;
};

// Of each peer the `most` fastest entries, in their order; 0 in front. `entry_us`: of all entries.
std::vector<std::size_t> fastest_entries(const std::vector<Entrant>& entrants, const std::vector<double>& entry_us,
                                         int most);

// The fastest algorithm of a peer.
struct PeerComparison {
  std::size_t entry = 0;
  int algorithm = 0;
  double us = 0;                     // the median
  double ratio = 0;                  // of its time to that of entry 0 in the same round: the median
  std::optional<Interval> interval;  // of that
};

// [peer]; nothing for a peer without an entry. `samples_us`: [entry][round], at least one round.
std::vector<std::optional<PeerComparison>> compare(const std::vector<Entrant>& entrants, std::size_t peers,
                                                   const std::vector<std::vector<double>>& samples_us);

}  // namespace ditune
