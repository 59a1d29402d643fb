// SPDX-License-Identifier: Apache-2.0
#include "report/search.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "core/text.hpp"
#include "generator/cost_model.hpp"

namespace ditune::report {
namespace {

void count(std::vector<Tally>& tallies, const std::string& name, const std::string& example) {
  auto tally = std::ranges::find(tallies, name, &Tally::name);
  if (tally == tallies.end()) tally = tallies.insert(tallies.end(), {name, example, 0});
  ++tally->count;
}

void sort_by_count(std::vector<Tally>& tallies) { std::ranges::stable_sort(tallies, std::greater(), &Tally::count); }

void add_space(Search& search, const Target& target) {
  for (const auto& [config, rejection] : enumerate_all(target)) {
    if (rejection)
      count(search.pruned, rejection->constraint, rejection->reason);
    else
      search.candidates.push_back({config, predict(config, target).total_us});
  }
  sort_by_count(search.pruned);
}

// The candidates by their text: those of the space, and what was tried beside them.
class ByConfig {
 public:
  ByConfig(Search& search, const Target& target) : search_(search), target_(target) {
    for (std::size_t i = 0; i < search.candidates.size(); ++i) at_[format(search.candidates[i].config)] = i;
  }
  Variant& operator[](const KernelConfig& config) {
    const auto [entry, is_new] = at_.try_emplace(format(config), search_.candidates.size());
    if (is_new) search_.candidates.push_back({config, predict(config, target_).total_us});
    return search_.candidates[entry->second];
  }

 private:
  Search& search_;
  const Target& target_;
  std::unordered_map<std::string, std::size_t> at_;
};

void add_trials(Search& search, ByConfig& by_config, std::span<const Trial* const> trials) {
  std::map<std::string, const Trial*> last;  // of each config, of measured ones where there are any
  for (const Trial* trial : trials) {
    const Trial*& its = last[format(trial->config)];
    if (!its || trial->source == Source::measured || its->source != Source::measured) its = trial;
  }
  for (const Trial* trial : trials) {
    Variant& candidate = by_config[trial->config];
    if (!std::exchange(candidate.is_tried, true)) ++search.tried;
    const Measurement& measurement = trial->measurement;
    const bool is_measured = measurement.ok() && trial->source == Source::measured;
    if (is_measured) search.measured_us.push_back(measurement.median_us);
    if (last[format(trial->config)] != trial) continue;
    candidate.has_failed = !measurement.ok();
    if (is_measured) {
      candidate.measured_us = measurement.median_us;
      candidate.interval = Range{measurement.low_us, measurement.high_us};
      ++search.measured;
    } else if (!measurement.ok()) {
      measurement.resources.spill_bytes > 0 ? static_cast<void>(++search.spilled)
                                            : count(search.failed, measurement.failure, format(trial->config));
    }
  }
  sort_by_count(search.failed);
}

void choose(Search& search, const KernelConfig* winner) {
  const Variant* rival = nullptr;
  for (const Variant& candidate : search.candidates) {
    if (!search.model_pick || candidate.predicted_us < search.model_pick->predicted_us) search.model_pick = candidate;
    if (winner && candidate.config == *winner)
      search.winner = candidate;
    else if (!candidate.has_failed && (!rival || is_faster(candidate, *rival)))
      rival = &candidate;
  }
  if (rival && (search.measured == 0 || rival->measured_us)) search.runner_up = *rival;
}

}  // namespace

bool is_faster(const Variant& a, const Variant& b) {
  if (a.measured_us.has_value() != b.measured_us.has_value()) return a.measured_us.has_value();
  return a.measured_us ? *a.measured_us < *b.measured_us : a.predicted_us < b.predicted_us;
}

Search search_of(const Target& target, std::span<const Trial* const> trials, const TuningRecord* winner) {
  Search search;
  search.operation = target.operation;
  add_space(search, target);
  ByConfig by_config(search, target);
  add_trials(search, by_config, trials);
  if (winner) by_config[winner->config];
  choose(search, winner ? &winner->config : nullptr);
  return search;
}

}  // namespace ditune::report
