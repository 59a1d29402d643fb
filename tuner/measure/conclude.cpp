// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/conclude.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <tuple>

namespace ditune {
namespace {

// By their rounds; where none were kept, the first: they are sorted by their medians.
std::size_t leader_of(const std::vector<Contender>& sorted) {
  Samples samples_us;
  for (const Contender& contender : sorted) samples_us.push_back(contender.measurement.samples_us);
  return leader(samples_us);
}

struct Beside {
  bool ties = false;      // it cannot be told from the first, or is as close
  bool is_close = false;  // its median is
};

Beside beside(const Contender& contender, const Contender& first) {
  const Measurement &its = contender.measurement, &firsts = first.measurement;
  const PairedRatio ratio = paired_ratio(its.samples_us, firsts.samples_us);
  if (ratio.interval) return {ratio.interval->low <= 1 + kTie, ratio.median <= 1 + kTie};
  const bool is_close = its.median_us <= firsts.median_us * (1 + kTie);
  return {is_close, is_close};
}

}  // namespace

std::vector<Scored> scores(std::span<const Contender> contenders) {
  std::vector<Scored> result;
  for (const Contender& contender : contenders) {
    const Measurement& measurement = contender.measurement;
    result.push_back(
        {contender.config, measurement.ok() ? measurement.median_us : std::numeric_limits<double>::infinity()});
  }
  return result;
}

std::vector<Contender> fastest(std::span<const Contender> contenders, std::size_t count) {
  std::vector<Contender> result;
  for (const Contender& contender : contenders)
    if (contender.measurement.ok()) result.push_back(contender);
  std::stable_sort(result.begin(), result.end(), [](const Contender& a, const Contender& b) {
    return a.measurement.median_us < b.measurement.median_us;
  });
  if (result.size() > count) result.resize(count);
  return result;
}

std::optional<Decision> conclude(std::span<const Contender> contenders, const std::optional<KernelConfig>& incumbent) {
  const std::vector<Contender> ranked = fastest(contenders, contenders.size());
  if (ranked.empty()) return std::nullopt;
  const Contender& first = ranked[leader_of(ranked)];
  std::vector<Contender> tied;
  for (const Contender& contender : ranked)
    if (beside(contender, first).ties) tied.push_back(contender);
  const auto preference = [&](const Contender& contender) {
    const std::string text = format(contender.config);
    return std::tuple(contender.config != incumbent, !beside(contender, first).is_close,
                      contender.measurement.resources.registers, text.size(), text);
  };
  const auto winner = std::ranges::min_element(tied, {}, preference);
  Decision decision{*winner, {}};
  tied.erase(winner);
  for (const Contender& contender : tied) decision.tied.push_back(contender.config);
  std::ranges::sort(decision.tied, {}, [](const KernelConfig& config) { return format(config); });
  return decision;
}

}  // namespace ditune
