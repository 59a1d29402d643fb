// SPDX-License-Identifier: Apache-2.0
#include "tuner/history.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace ditune {
namespace {

constexpr std::size_t kSeeds = 4;  // winners of like problems that are tried first

TuningKey key_of(const Target& target, Regime regime) {
  return {device_class(target.device), target.operation, {}, regime};
}

}  // namespace

History::History(const Ledger& ledger, const TuneOptions& options, Source source, const DeviceInfo& device)
    : ledger_(ledger), options_(options), source_(source), survivors_(ledger.survivors(device)) {}

std::optional<TuningRecord> History::known_winner(const Target& target, Regime regime) const {
  if (options_.retune || (options_.retry_failed && !failures(target, regime).empty())) return std::nullopt;
  std::optional<TuningRecord> winner = ledger_.current_winner(target, source_, regime);
  if (winner && winner->source == source_ && !killed(target, regime).empty()) return std::nullopt;
  return winner;
}

std::optional<TuningRecord> History::winner_of_another_run(const Target& target, Regime regime) const {
  return options_.retry_failed ? std::nullopt : known_winner(target, regime);
}

std::vector<KernelConfig> History::killed(const Target& target, Regime regime) const {
  std::vector<KernelConfig> configs;
  for (const Regime its : std::set{Regime::burst, regime})
    for (const KernelConfig& config : survivors_.of(key_of(target, its), source_).killed) configs.push_back(config);
  if (configs.empty()) return configs;
  const std::vector<KernelConfig> candidates = enumerate(target);
  std::erase_if(configs,
                [&](const KernelConfig& config) { return std::ranges::find(candidates, config) == candidates.end(); });
  return configs;
}

std::vector<KernelConfig> History::failures(const Target& target, Regime regime) const {
  std::vector<KernelConfig> failed;
  for (const auto& [text, contender] : ledger_.tried(target, source_, regime))
    if (!contender.measurement.ok()) failed.push_back(contender.config);
  return failed;
}

Recalled History::recall(const Target& target) const {
  std::map<std::string, Contender> known = ledger_.tried(target, source_, Regime::burst);
  std::erase_if(known, [&](const auto& entry) {
    return entry.second.measurement.ok() ? options_.retune : options_.retry_failed;
  });
  return Recalled(std::move(known));
}

std::vector<KernelConfig> History::first_candidates(const Target& target) const {
  std::vector<KernelConfig> first = ledger_.relatives(target, kSeeds);
  if (options_.retry_failed) {
    const std::vector<KernelConfig> failed = failures(target, Regime::burst);
    first.insert(first.begin(), failed.begin(), failed.end());
  }
  const std::vector<KernelConfig> again = killed(target, Regime::burst);
  first.insert(first.begin(), again.begin(), again.end());
  return first;
}

}  // namespace ditune
