// SPDX-License-Identifier: Apache-2.0
#include "tuner/finals.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace ditune {
namespace {

constexpr std::size_t kFinalists = 8;  // measured again, longer, before one of them wins
constexpr std::size_t kSustained = 4;  // the same, at sustained clocks

std::vector<KernelConfig> spilling(const std::vector<Contender>& tried, std::size_t count) {
  std::vector<KernelConfig> configs;
  for (const Contender& contender : tried)
    if (spills(contender) && configs.size() < count) configs.push_back(contender.config);
  return configs;
}

}  // namespace

std::optional<TuningRecord> Finals::decide(std::vector<Contender>& tried, Regime regime) {
  const Target& target = trials_.target();
  const std::vector<TuningRecord> winners = ledger_.current_winners(target, Source::measured, regime);
  std::vector<KernelConfig> defended;  // the best first
  for (const TuningRecord& winner : winners) defended.push_back(winner.config);
  if (winners.empty())
    if (const auto burst = ledger_.current_winner(target, Source::measured, Regime::burst))
      defended.push_back(burst->config);
  const std::vector<KernelConfig> finalists = this->finalists(tried, regime, defended);
  if (finalists.empty()) return std::nullopt;
  begin_(finalists.front());
  const std::vector<Contender> measured =
      trials_.measure(finalists, regime == Regime::burst ? Effort::decide : Effort::sustain);
  trials_.commit(measured, regime);
  const auto runs = [&](const KernelConfig& config) {
    const auto its = std::ranges::find(measured, config, &Contender::config);
    return its != measured.end() && is_sound(*its);
  };
  const auto incumbent = std::ranges::find_if(defended, runs);
  const std::optional<Decision> decision =
      conclude(measured, incumbent == defended.end() ? std::nullopt : std::optional(*incumbent));
  if (regime == Regime::burst)
    for (const Contender& contender : measured)
      std::ranges::replace_if(
          tried, [&](const Contender& old) { return old.config == contender.config; }, contender);
  if (!decision) return std::nullopt;
  std::vector<Contender> seen = measured;
  std::ranges::copy_if(tried, std::back_inserter(seen), [](const Contender& each) { return !is_sound(each); });
  trials_.keep_up(winners, *decision, seen, regime);
  return trials_.keep(*decision, regime);
}

// Those that failed in this regime before are not among them.
std::vector<KernelConfig> Finals::finalists(const std::vector<Contender>& tried, Regime regime,
                                            const std::vector<KernelConfig>& defended) const {
  const std::size_t count = regime == Regime::burst ? kFinalists : kSustained;
  const std::vector<KernelConfig> failed = history_.failures(trials_.target(), regime);
  const auto has_failed = [&](const KernelConfig& config) {
    return (!options_.retry_failed && std::ranges::find(failed, config) != failed.end()) ||
           std::ranges::any_of(
               tried, [&](const Contender& contender) { return contender.config == config && !is_sound(contender); });
  };
  std::vector<KernelConfig> configs;
  for (const Contender& contender : fastest(tried, tried.size()))
    if (configs.size() < count && !has_failed(contender.config)) configs.push_back(contender.config);
  if (configs.empty()) return spilling(tried, count);
  std::vector<KernelConfig> others;
  for (const KernelConfig& config : defended)
    if (!has_failed(config) && std::ranges::find(configs, config) == configs.end()) others.push_back(config);
  configs.resize(std::min(configs.size(), count - std::min(others.size(), count - 1)));
  configs.insert(configs.end(), others.begin(), others.end());
  if (options_.retry_failed && regime == Regime::sustained)  // in bursts the search tried them again
    for (const KernelConfig& config : failed)
      if (!has_failed(config) && std::ranges::find(configs, config) == configs.end()) configs.push_back(config);
  return configs;
}

}  // namespace ditune
