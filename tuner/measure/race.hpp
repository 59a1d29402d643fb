// SPDX-License-Identifier: Apache-2.0
// Which of the kernels that run in the same rounds run in the next one, too: those that lag are let go early, and the
// few that lead run until they can be told apart.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "runtime/timing.hpp"

namespace ditune {

// Rounds of the same kernel differ by this fraction: what is closer is one.
inline constexpr double kTie = 0.003;

// One kernel's time as a multiple of another's in the same round: what befell both, a clock that fell, cancels.
struct PairedRatio {
  double median = 1;
  std::optional<Interval> interval;  // of the median; none of too few rounds
};

// Over the rounds that both ran in, which come first.
PairedRatio paired_ratio(std::span<const double> samples_us, std::span<const double> other_us,
                         double confidence = 0.95);

// The fastest of those that ran in all rounds: by the median of its time beside the mean of all of them in that round.
// Of no entries: 0.
std::size_t leader(const Samples& samples_us);

// Who runs in the next round, as Stay asks; both are told by the samples alone. Of who left, only the prefix is there.

// A short look at many: all run in kScreenRounds rounds, but those that clearly lag. After n rounds these are the
// entries whose ratio to the leader is above 1 + kScreenMargin / n, the ratio being the lower end of its interval, or
// of too few rounds the least of all. The leader runs in all rounds: it is compared with those of other screens.
inline constexpr int kLeastScreenRounds = 3;
inline constexpr int kScreenRounds = 12;
inline constexpr double kScreenMargin = 0.15;
std::vector<std::size_t> stay_in_screen(const Samples& samples_us);

// Until each of the others is either slower than the leader by more than kTie, and leaves, or within kTie of it on
// either side; alone, until the first look. Asked only after the rounds in `looks`, in ascending order: an interval
// that is looked at again and again, until it says what one waits for, is wrong more often than 5%. So the 5% are
// divided among all looks at all rivals (Bonferroni's correction of a group sequential test: Pocock, Biometrika 64,
// 1977; that order statistics serve as such intervals, and what sequential ones cost: Howard and Ramdas, Bernoulli 28,
// 2022).
std::vector<std::size_t> stay_in_decision(const Samples& samples_us, std::span<const int> looks);

}  // namespace ditune
