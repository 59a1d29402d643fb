// SPDX-License-Identifier: Apache-2.0
#include "tuner/ledger.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "core/kind.hpp"
#include "core/sha256.hpp"
#include "generator/emit.hpp"
#include "lookup/serving.hpp"
#include "tuner/machine_code.hpp"
#include "tuner/worker/killed.hpp"

namespace ditune {
namespace {

TuningKey key_of(const Target& target, const KernelConfig& config, Regime regime) {
  return {device_class(target.device), target.operation, template_hash(config), regime};
}

RecordFilter rows_of(const Target& target) {
  return {.device = device_class(target.device), .arch = {}, .operation = target.operation};
}

}  // namespace

std::vector<TuningRecord> Ledger::current_winners(const Target& target, Source least, Regime regime) const {
  std::vector<TuningRecord> winners = store_.winners(rows_of(target));
  std::erase_if(winners, [&](const TuningRecord& record) {
    return record.key.regime != regime || !is_of_todays_template(record) || refusal(record.config, target) ||
           (least == Source::measured && record.source != Source::measured);
  });
  std::ranges::stable_sort(winners,
                           [&](const TuningRecord& a, const TuningRecord& b) { return is_better(a, b, regime); });
  return winners;
}

std::optional<TuningRecord> Ledger::current_winner(const Target& target, Source least, Regime regime) const {
  std::vector<TuningRecord> winners = current_winners(target, least, regime);
  return winners.empty() ? std::nullopt : std::optional(std::move(winners.front()));
}

std::map<std::string, Contender> Ledger::tried(const Target& target, Source source, Regime regime) const {
  const Provenance today = provenance_();
  std::map<std::string, Contender> last;
  for (Trial& trial : store_.trials(rows_of(target))) {
    if (trial.source != source || trial.key != key_of(target, trial.config, regime) ||
        !is_same_place(trial.provenance, today))
      continue;
    if (was_killed(trial.measurement.failure))
      last.erase(format(trial.config));
    else
      last.insert_or_assign(format(trial.config),
                            Contender{trial.config, std::move(trial.measurement), trial.predicted_us});
  }
  return last;
}

std::vector<TuningRecord> Ledger::stale_winners(const Target& target, Regime regime) const {
  std::vector<TuningRecord> stale = store_.winners(rows_of(target));
  std::erase_if(stale, [&](const TuningRecord& record) {
    return record.key.regime != regime || record.source != Source::measured || record.cubin_hash.empty() ||
           is_of_todays_template(record) || refusal(record.config, target);
  });
  std::ranges::stable_sort(stale, std::greater{}, [](const TuningRecord& record) { return record.provenance.when; });
  return stale;
}

bool Ledger::take_over(const TuningRecord& stale, const std::string& cubin, const ResourceUsage& resources) {
  if (sha256(cubin) != stale.cubin_hash) {
    const std::optional<std::string> code = machine_code(cubin);
    if (!code || code != machine_code(store_.cubin(stale.cubin_hash)) || resources != stale.resources) return false;
  }
  TuningRecord record = stale;
  record.key.template_hash = template_hash(stale.config);
  record.tied.clear();
  return store_.set_winner(record, cubin);
}

SurvivorTable Ledger::survivors(const DeviceInfo& device) const {
  return SurvivorTable(store_.trials({device_class(device), std::nullopt, {}, std::nullopt}));
}

bool Ledger::is_todays(const Provenance& from) const { return is_same_place(from, provenance_()); }

std::vector<KernelConfig> Ledger::relatives(const Target& target, std::size_t count) const {
  std::vector<TuningRecord> records =
      store_.winners({.device = device_class(target.device), .arch = {}, .operation = {}});
  std::stable_sort(records.begin(), records.end(), [&](const TuningRecord& a, const TuningRecord& b) {
    return ditune::distance(a.key.operation, target.operation) < distance(b.key.operation, target.operation);
  });
  std::vector<KernelConfig> configs;
  for (const TuningRecord& record : records) {
    const bool listed = std::find(configs.begin(), configs.end(), record.config) != configs.end();
    if (!listed && configs.size() < count && !refusal(record.config, target)) configs.push_back(record.config);
  }
  return configs;
}

void Ledger::add(const Target& target, const std::vector<Contender>& contenders, Source source, Regime regime) {
  const Provenance from = provenance_();
  for (const Contender& tried : contenders) {
    store_.add(
        {key_of(target, tried.config, regime), tried.config, source, tried.measurement, tried.predicted_us, from});
  }
}

bool Ledger::holds(const TuningRecord& winner) const {
  const std::vector<TuningRecord> stored =
      store_.winners({.device = winner.key.device, .arch = {}, .operation = winner.key.operation});
  return std::ranges::any_of(
      stored, [&](const TuningRecord& its) { return its.key == winner.key && its.config == winner.config; });
}

TuningRecord Ledger::keep(const Target& target, const Decision& decision, Source source, Regime regime,
                          const std::string& cubin) {
  const Contender& winner = decision.winner;
  TuningRecord record;
  record.key = key_of(target, winner.config, regime);
  record.config = winner.config;
  record.source = source;
  if (source == Source::measured) {
    record.median_us = winner.measurement.median_us;
    record.low_us = winner.measurement.low_us;
    record.high_us = winner.measurement.high_us;
    record.power_w = winner.measurement.power_w;
    record.tied = decision.tied;
  }
  record.predicted_us = winner.predicted_us;
  record.resources = winner.measurement.resources;
  record.provenance = provenance_();
  store_.set_winner(record, cubin);
  for (const TuningRecord& stored : store_.winners(rows_of(target)))
    if (stored.key == record.key) return stored;
  return record;
}

}  // namespace ditune
