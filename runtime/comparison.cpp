// SPDX-License-Identifier: Apache-2.0
#include "runtime/comparison.hpp"

#include <algorithm>

namespace ditune {

CountedRounds count_rounds(const TimingResult& timing, double min_clock_mhz) {
  CountedRounds counted;
  counted.samples_us.resize(timing.samples_us.size());
  const std::size_t rounds = timing.samples_us.empty() ? 0 : timing.samples_us[0].size();
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::optional<GpuState> state = round < timing.states.size() ? timing.states[round] : std::nullopt;
    if (state && state->sm_clock_mhz > 0 && state->sm_clock_mhz < min_clock_mhz) {
      ++counted.discarded;
      continue;
    }
    counted.states.push_back(state);
    for (std::size_t entry = 0; entry < timing.samples_us.size(); ++entry)
      counted.samples_us[entry].push_back(timing.samples_us[entry][round]);
  }
  return counted;
}

std::vector<std::size_t> fastest_entries(const std::vector<Entrant>& entrants, const std::vector<double>& entry_us,
                                         int most) {
  std::vector<std::size_t> kept = {0};
  for (std::size_t i = 0; i < entrants.size(); ++i) {
    int faster = 0;
    for (std::size_t j = 0; j < entrants.size(); ++j)
      faster += entrants[j].peer == entrants[i].peer && entry_us[j + 1] < entry_us[i + 1];
    if (faster < most) kept.push_back(i + 1);
  }
  return kept;
}

std::vector<std::optional<PeerComparison>> compare(const std::vector<Entrant>& entrants, std::size_t peers,
                                                   const std::vector<std::vector<double>>& samples_us) {
  std::vector<std::optional<PeerComparison>> best(peers);
  for (std::size_t i = 0; i < entrants.size(); ++i) {
    const std::vector<double>&mine = samples_us[i + 1], &first = samples_us[0];
    const double us = quartiles(mine).median;
    std::optional<PeerComparison>& peer = best[entrants[i].peer];
    if (peer && peer->us <= us) continue;
    std::vector<double> ratios(mine.size());
    std::transform(mine.begin(), mine.end(), first.begin(), ratios.begin(), [](double a, double b) { return a / b; });
    peer = PeerComparison{.entry = i + 1,
                          .algorithm = entrants[i].algorithm,
                          .us = us,
                          .ratio = quartiles(ratios).median,
                          .interval = median_interval(ratios)};
  }
  return best;
}

}  // namespace ditune
