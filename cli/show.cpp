// SPDX-License-Identifier: Apache-2.0
// ditune show: all that is known of winners, and what else was tried; or what failed.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/output.hpp"
#include "cli/skipped.hpp"
#include "cli/survivors.hpp"

namespace ditune::cli {
namespace {

struct ShowFlags {
  RecordOptions records;
  bool failures = false, skipped = false, json = false;
};

struct History {
  TuningRecord winner;
  std::vector<Trial> trials;  // of its device, problem, epilogue and regime, in the order they were made
};

std::vector<History> histories(Records& stored) {
  std::unordered_map<std::string, std::vector<Trial>> trials;
  for (Trial& trial : stored.trials()) trials[name_of_layer(trial.key)].push_back(std::move(trial));
  std::vector<History> all;
  for (TuningRecord& winner : stored.winners()) {
    std::vector<Trial> its = trials[name_of_layer(winner.key)];
    all.push_back({std::move(winner), std::move(its)});
  }
  return all;
}

Survivors survivors_of(const History& history) {
  return SurvivorTable(history.trials).of(history.winner.key, history.winner.source);
}

double microseconds(const Trial& trial) {
  return trial.source == Source::measured ? trial.measurement.median_us : trial.predicted_us;
}

Json trial_json(const Trial& trial) {
  Json json = {{"config", format(trial.config)}, {"source", format(trial.source)}};
  if (trial.source == Source::measured && trial.measurement.ok()) json["median_us"] = trial.measurement.median_us;
  if (trial.predicted_us > 0) json["predicted_us"] = trial.predicted_us;
  if (!trial.measurement.ok()) json["reason"] = trial.measurement.failure;
  return json;
}

Json history_json(const History& history) {
  const Provenance& from = history.winner.provenance;
  Json json = record_json(history.winner);
  json["template_hash"] = history.winner.key.template_hash;
  json["provenance"] = {{"when", from.when},
                        {"gpu_uuid", from.gpu_uuid},
                        {"driver_version", from.driver_version},
                        {"cuda_version", from.cuda_version},
                        {"nvrtc_version", from.nvrtc_version},
                        {"ditune_version", from.ditune_version},
                        {"sm_clock_mhz", from.sm_clock_mhz},
                        {"temperature_c", from.temperature_c},
                        {"seed", from.seed}};
  add_survivors(json, survivors_of(history));
  json["trials"] = Json::array();
  for (const Trial& trial : history.trials) json["trials"].push_back(trial_json(trial));
  return json;
}

void print_history(const History& history) {
  const TuningRecord& winner = history.winner;
  const Provenance& from = winner.provenance;
  const Operation& operation = winner.key.operation;
  const auto line = [](const char* label, const std::string& text) {
    print_line(fmt::format("  {:<10} {}", label, text));
  };
  print_line(fmt::format("{} on {} ({})", describe(operation), winner.key.device.name, format(winner.key.device.arch)));
  line("config", format(winner.config));
  const auto [value, unit, key] = speed(operation, winner.microseconds());
  line(winner.source == Source::measured ? "measured" : "predicted",
       fmt::format("{} us{}, {} {}", number(winner.microseconds()),
                   winner.low_us > 0 ? fmt::format(" ({}-{})", number(winner.low_us), number(winner.high_us)) : "",
                   number(value), unit));
  if (winner.key.regime == Regime::sustained) {
    const auto picojoules = known_picojoules(operation, winner.microseconds(), winner.power_w);
    const std::string an_operation = picojoules ? fmt::format(", {} pJ an operation", number(*picojoules)) : "";
    line("sustained",
         winner.power_w > 0 ? fmt::format("{} W{}", number(winner.power_w), an_operation) : "watts unknown");
  }
  for (const KernelConfig& config : winner.tied) line("ties with", format(config));
  line("resources", fmt::format("{} registers, {} bytes spilled, {} bytes of shared memory", winner.resources.registers,
                                winner.resources.spill_bytes, winner.resources.shared_bytes));
  if (const std::string remark = remark_on(survivors_of(history)); !remark.empty()) line("survivors", remark);
  line("templates", winner.key.template_hash);
  line("made by", fmt::format("ditune {}, CUDA {}, NVRTC {}, driver {}", from.ditune_version, from.cuda_version,
                              from.nvrtc_version, from.driver_version.empty() ? "none" : from.driver_version));
  if (!from.gpu_uuid.empty())
    line("on", fmt::format("{} at {} MHz and {} C", from.gpu_uuid, from.sm_clock_mhz, from.temperature_c));
  line("when", fmt::format("{}, seed {}", from.when, from.seed));
}

void print_trials(std::vector<Trial> trials) {
  std::ranges::stable_sort(trials, {},
                           [](const Trial& trial) { return std::pair(!trial.measurement.ok(), microseconds(trial)); });
  Table table({{"  US", Align::right}, {"SOURCE"}, {"TRIED"}, {"FAILED BECAUSE"}});
  for (const Trial& trial : trials)
    table.add({trial.measurement.ok() ? number(microseconds(trial)) : "", std::string(format(trial.source)),
               format(trial.config), trial.measurement.failure});
  print(table);
}

// Of each config and each place where it was tried, the last trial, if it failed.
std::vector<Trial> last_failures(const std::vector<Trial>& trials) {
  std::map<std::string, std::vector<const Trial*>> last;  // by key and config, of each place one
  for (const Trial& trial : trials) {
    std::vector<const Trial*>& places = last[format(trial.key) + "|" + format(trial.config)];
    std::erase_if(places, [&](const Trial* other) { return is_same_place(other->provenance, trial.provenance); });
    places.push_back(&trial);
  }
  std::set<const Trial*> kept;
  for (const auto& [name, places] : last) kept.insert(places.begin(), places.end());
  std::vector<Trial> failed;
  for (const Trial& trial : trials)
    if (!trial.measurement.ok() && kept.contains(&trial)) failed.push_back(trial);
  return failed;
}

ExitCode show_failures(const ShowFlags& options) {
  Records stored(options.records);
  const std::vector<Trial> failed = last_failures(stored.trials());
  if (options.json) {
    Json json = Json::array();
    for (const Trial& trial : failed) {
      Json& row = json.emplace_back(layer_json(trial.key.operation));
      add_device(row, trial.key.device);
      row.update(trial_json(trial));
      row["when"] = trial.provenance.when;
    }
    stored.add_skipped(json);
    print(json);
    return kDone;
  }
  Table table({{"PROBLEM"}, {"FUSED"}, {"DEVICE"}, {"CONFIG"}, {"FAILED BECAUSE"}, {"WHEN"}});
  for (const Trial& trial : failed) {
    table.add(problem_cells(trial.key.operation),
              {trial.key.device.name, format(trial.config), trial.measurement.failure, trial.provenance.when});
  }
  if (!failed.empty())
    print(table);
  else if (stored.skipped().empty())
    print_message("nothing failed");
  return kDone;
}

ExitCode show_skipped(const ShowFlags& options) {
  Records stored(options.records);
  const std::vector<SkippedRow>& rows = stored.read_skipped();
  if (options.json) {
    Json json = Json::array();
    for (const SkippedRow& row : rows) json.push_back(skipped_json(row));
    print(json);
  } else if (!rows.empty()) {
    print(skipped_table(rows));
  } else {
    print_message("no row is skipped");
  }
  return kDone;
}

ExitCode show(const ShowFlags& options) {
  if (options.failures) return show_failures(options);
  if (options.skipped) return show_skipped(options);
  Records stored(options.records);
  const std::vector<History> all = histories(stored);
  if (all.empty()) stored.report_none();
  if (options.json) {
    Json json = Json::array();
    for (const History& history : all) json.push_back(history_json(history));
    stored.add_skipped(json);
    print(json);
  } else {
    for (const History& history : all) {
      print_history(history);
      print_trials(history.trials);
    }
  }
  return all.empty() ? kBadAnswer : kDone;
}

}  // namespace

void add_show(CLI::App& app, Run& run) {
  const Command<ShowFlags> command(app, run, "show", "all that is known of winners, and what else was tried", show);
  add_filter(*command.app, command.options->records);
  CLI::Option* failures = command.app->add_flag("--failures", command.options->failures,
                                                "candidates whose last trial failed, where it was made, and why");
  command.app
      ->add_flag("--skipped", command.options->skipped,
                 "rows that are not used, since a value in them is wrong or out of range, and why")
      ->excludes(failures);
  command.app->add_flag("--json", command.options->json, "as a JSON array");
}

}  // namespace ditune::cli
