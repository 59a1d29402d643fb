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

std::optional<Contender> winner_of(std::span<const Contender> contenders) {
  const std::vector<Contender> ranked = fastest(contenders, contenders.size());
  if (ranked.empty()) return std::nullopt;
  const double tied_us = ranked.front().measurement.median_us * (1 + kTie);
  const auto tied_end = std::find_if(ranked.begin(), ranked.end(), [&](const Contender& contender) {
    return contender.measurement.median_us > tied_us;
  });
  const auto simplicity = [](const Contender& contender) {
    const std::string text = format(contender.config);
    return std::tuple(contender.measurement.resources.registers, text.size(), text);
  };
  return *std::min_element(ranked.begin(), tied_end,
                           [&](const Contender& a, const Contender& b) { return simplicity(a) < simplicity(b); });
}

bool is_better(const TuningRecord& a, const TuningRecord& b) {
  if (a.source != b.source) return a.source == Source::measured;
  return a.microseconds() < b.microseconds();
}

}  // namespace ditune
