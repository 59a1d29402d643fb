// SPDX-License-Identifier: Apache-2.0
#include "tuner/survivors.hpp"

#include <string_view>

#include "generator/emit.hpp"
#include "tuner/worker/killed.hpp"

namespace ditune {
namespace {

std::string name_of(const TuningKey& key, Source source) {
  return name_of_layer(key) + "|" + std::string(format(source));
}

}  // namespace

std::string name_of_layer(TuningKey key) {
  key.template_hash.clear();
  return format(key);
}

SurvivorTable::SurvivorTable(std::span<const Trial> trials) {
  std::map<std::string, std::map<std::string, const Trial*>> last;  // by layer, then by config
  for (const Trial& trial : trials)
    if (trial.key.template_hash == template_hash(trial.config))
      last[name_of(trial.key, trial.source)].insert_or_assign(format(trial.config), &trial);
  for (const auto& [layer, candidates] : last) {
    Survivors& survivors = by_layer_[layer];
    for (const auto& [text, trial] : candidates) {
      const Measurement& measurement = trial->measurement;
      if (!measurement.ok() && measurement.resources.spill_bytes > 0) continue;
      ++survivors.tried;
      if (measurement.ok()) ++survivors.survived;
      if (was_killed(measurement.failure)) survivors.killed.push_back(trial->config);
    }
  }
}

Survivors SurvivorTable::of(const TuningKey& key, Source source) const {
  const auto found = by_layer_.find(name_of(key, source));
  return found == by_layer_.end() ? Survivors{} : found->second;
}

}  // namespace ditune
