// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/race.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ditune {
namespace {

std::size_t rounds_of(const Samples& samples_us) {
  std::size_t rounds = 0;
  for (const std::vector<double>& samples : samples_us) rounds = std::max(rounds, samples.size());
  return rounds;
}

// Who ran in all rounds.
std::vector<std::size_t> running(const Samples& samples_us) {
  const std::size_t rounds = rounds_of(samples_us);
  std::vector<std::size_t> entries;
  for (std::size_t i = 0; i < samples_us.size(); ++i)
    if (samples_us[i].size() == rounds) entries.push_back(i);
  return entries;
}

std::vector<double> ratios(std::span<const double> samples_us, std::span<const double> other_us) {
  std::vector<double> result(std::min(samples_us.size(), other_us.size()));
  for (std::size_t round = 0; round < result.size(); ++round) result[round] = samples_us[round] / other_us[round];
  return result;
}

bool lags(const std::vector<double>& samples_us, const std::vector<double>& leader_us) {
  const std::vector<double> all = ratios(samples_us, leader_us);
  const std::optional<Interval> interval = median_interval(all);
  return (interval ? interval->low : std::ranges::min(all)) > 1 + kScreenMargin / static_cast<double>(all.size());
}

}  // namespace

PairedRatio paired_ratio(std::span<const double> samples_us, std::span<const double> other_us, double confidence) {
  const std::vector<double> all = ratios(samples_us, other_us);
  if (all.empty()) return {};
  return {quartiles(all).median, median_interval(all, confidence)};
}

std::size_t leader(const Samples& samples_us) {
  const std::vector<std::size_t> entries = running(samples_us);
  const std::size_t rounds = rounds_of(samples_us);
  std::vector<double> mean_us(rounds);
  for (std::size_t round = 0; round < rounds; ++round)
    for (const std::size_t entry : entries)
      mean_us[round] += samples_us[entry][round] / static_cast<double>(entries.size());
  const auto relative = [&](std::size_t entry) { return paired_ratio(samples_us[entry], mean_us).median; };
  const auto first = std::ranges::min_element(entries, {}, relative);
  return first == entries.end() ? 0 : *first;
}

std::vector<std::size_t> stay_in_screen(const Samples& samples_us) {
  std::vector<std::size_t> entries = running(samples_us);
  const std::size_t rounds = rounds_of(samples_us);
  if (rounds < kLeastScreenRounds) return entries;
  if (rounds >= kScreenRounds) return {};
  const std::size_t first = leader(samples_us);
  std::erase_if(entries, [&](std::size_t entry) { return lags(samples_us[entry], samples_us[first]); });
  return entries;
}

std::vector<std::size_t> stay_in_decision(const Samples& samples_us, std::span<const int> looks) {
  std::vector<std::size_t> entries = running(samples_us);
  const auto rounds = static_cast<int>(rounds_of(samples_us));
  if (looks.empty() || rounds >= looks.back()) return {};
  if (!std::ranges::binary_search(looks, rounds)) return entries;
  const std::size_t first = leader(samples_us);
  const std::size_t rivals = std::max<std::size_t>(samples_us.size(), 2) - 1;
  const double confidence = 1 - 0.05 / static_cast<double>(looks.size() * rivals);
  bool open = false;
  std::erase_if(entries, [&](std::size_t entry) {
    if (entry == first) return false;
    const std::optional<Interval> ratio = paired_ratio(samples_us[entry], samples_us[first], confidence).interval;
    const bool slower = ratio && ratio->low > 1 + kTie;
    const bool tied = ratio && ratio->low >= 1 - kTie && ratio->high <= 1 + kTie;
    open |= !slower && !tied;
    return slower;
  });
  return open ? entries : std::vector<std::size_t>();
}

}  // namespace ditune
