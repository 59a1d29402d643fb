#include "tuner/conclude.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <tuple>

namespace ditune {

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
  const double tied_us = ranked.front().measurement.median_us * (1 + kTie);
  std::vector<Contender> tied;
  for (const Contender& contender : ranked)
    if (contender.measurement.median_us <= tied_us) tied.push_back(contender);
  const auto simplicity = [&](const Contender& contender) {
    const std::string text = format(contender.config);
    return std::tuple(contender.config != incumbent, contender.measurement.resources.registers, text.size(), text);
  };
  const auto winner = std::ranges::min_element(tied, {}, simplicity);
  Decision decision{*winner, {}};
  tied.erase(winner);
  for (const Contender& contender : tied) decision.tied.push_back(contender.config);
  std::ranges::sort(decision.tied, {}, [](const KernelConfig& config) { return format(config); });
  return decision;
}

bool is_better(const TuningRecord& a, const TuningRecord& b) {
  if (a.source != b.source) return a.source == Source::measured;
  return a.microseconds() < b.microseconds();
}

}  // namespace ditune
