// SPDX-License-Identifier: Apache-2.0
#include "tuner/trials.hpp"

#include <algorithm>
#include <string>

#include "generator/cost_model.hpp"
#include "tuner/worker/killed.hpp"

namespace ditune {
namespace {

// Its kernel ran and is not to be used, whoever compiled it. That one does not compile, or spills, may be this
// compiler's doing, and a process that was killed says nothing.
bool is_wrong(const Contender& contender) {
  const Measurement& measurement = contender.measurement;
  return !measurement.ok() && measurement.resources.registers > 0 && !spills(contender) &&
         !was_killed(measurement.failure);
}

}  // namespace

std::vector<Contender> Trials::compile(const std::vector<KernelConfig>& batch) const {
  if (batch.empty()) return {};
  std::vector<Contender> contenders = contenders_of(batch, backend_.compile(target_, batch));
  for (Contender& contender : contenders) {
    const int bytes = contender.measurement.resources.spill_bytes;
    if (spills(contender)) contender.measurement.failure = "spills " + std::to_string(bytes) + " bytes of registers";
  }
  return contenders;
}

std::vector<Contender> Trials::measure(const std::vector<KernelConfig>& batch, Effort effort) const {
  if (batch.empty()) return {};
  return contenders_of(batch, backend_.measure(target_, batch, effort));
}

void Trials::commit(const std::vector<Contender>& contenders, Regime regime) {
  ledger_.add(target_, contenders, source_of(backend_), regime);
}

void Trials::commit_new(std::vector<Contender> contenders, const History& history) {
  if (contenders.empty()) return;
  ledger_.atomically([&] {
    const Recalled others = history.recall(target_);
    std::erase_if(contenders, [&](const Contender& contender) { return others.has(contender.config); });
    commit(contenders, Regime::burst);
  });
}

TuningRecord Trials::keep(const Decision& decision, Regime regime) {
  return ledger_.keep(target_, decision, source_of(backend_), regime, cubin(decision.winner.config));
}

void Trials::keep_up(const std::vector<TuningRecord>& winners, const Decision& decision,
                     const std::vector<Contender>& seen, Regime regime) {
  for (const TuningRecord& record : winners) {
    if (record.config.index() == decision.winner.config.index()) continue;
    const auto found = std::ranges::find(seen, record.config, &Contender::config);
    if (found == seen.end()) continue;
    if (!is_sound(*found) && !is_wrong(*found)) continue;
    const std::string kernel = is_sound(*found) ? cubin(record.config) : "";
    ledger_.atomically([&] {
      if (!ledger_.holds(record)) return;  // another run has another winner of the family
      if (is_sound(*found))
        ledger_.keep(target_, {*found, {}}, source_of(backend_), regime, kernel);
      else
        ledger_.drop(record);
    });
  }
}

std::string Trials::cubin(const KernelConfig& config) const {
  return backend_.cubin ? backend_.cubin(target_, config) : std::string();
}

void Trials::prepare(const std::vector<KernelConfig>& configs) const {
  if (backend_.prepare && !configs.empty()) backend_.prepare(target_, configs);
}

std::vector<Contender> Trials::contenders_of(const std::vector<KernelConfig>& batch,
                                             const std::vector<Measurement>& results) const {
  std::vector<Contender> contenders;
  contenders.reserve(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i)
    contenders.push_back({batch[i], results.at(i), predict(batch[i], target_).total_us});
  return contenders;
}

}  // namespace ditune
