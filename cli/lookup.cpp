// SPDX-License-Identifier: Apache-2.0
// ditune lookup: what the library would launch for a layer, and how well that matched.
#include <cmath>

#include "cli/command.hpp"
#include "cli/database.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/values.hpp"
#include "cli/variant.hpp"
#include "ditune/library.hpp"
#include "generator/cost_model.hpp"

namespace ditune::cli {
namespace {

struct LookupFlags {
  RecordOptions records;
  Regime regime = Regime::burst;
  bool json = false;
};

struct Answer {
  Operation layer;
  LookupResult found;
};

Json answer_json(const Answer& answer, const DeviceInfo& device) {
  const LookupResult& found = answer.found;
  Json json = layer_json(answer.layer);
  add_device(json, device_class(device));
  json["match"] = format(found.match);
  if (found.match == Match::none) return json;
  json["config"] = format(found.config);
  json["shared_bytes"] = found.plan.shared_bytes;
  const double predicted_us = predict(found.config, {answer.layer, device}).total_us;
  if (std::isfinite(predicted_us)) json["predicted_us"] = predicted_us;
  if (!found.record) return json;
  json["source"] = format(found.record->source);
  const TuningKey& key = found.record->key;
  json["regime"] = format(key.regime);
  json["tuned_for"] = format(key.operation);
  json["tuned_on"] = key.device.name;
  // The time of another problem, or on another device, is not this one's.
  if (rows(key.operation) != rows(answer.layer) || key.device != device_class(device)) return json;
  if (found.record->source == Source::measured) json["median_us"] = found.record->median_us;
  json["predicted_us"] = found.record->predicted_us;
  add_speed(json, answer.layer, found.record->microseconds());
  return json;
}

Table answer_table(const std::vector<Answer>& answers) {
  Table table({{"M", Align::right},
               {"N", Align::right},
               {"K", Align::right},
               {"FUSED"},
               {"MATCH"},
               {"CONFIG"},
               {"SOURCE"},
               {"TUNED FOR"}});
  for (const auto& [layer, found] : answers) {
    const auto& record = found.record;
    table.add(layer_cells(layer),
              {std::string(format(found.match)), found.match == Match::none ? "" : format(found.config),
               record ? std::string(format(record->source)) : "",
               record ? describe_sizes(record->key.operation) + " on " + record->key.device.name : ""});
  }
  return table;
}

// An answer that only the cost model has takes milliseconds.
std::vector<Answer> look_up(const Library& library, const std::vector<Operation>& layers, const DeviceInfo& device,
                            Regime regime) {
  StepsLine line("looking up", layers.size());
  std::vector<Answer> answers;
  for (const Operation& layer : layers) {
    line.show(answers.size());
    answers.push_back({layer, library.lookup(layer, device, regime)});
  }
  return answers;
}

ExitCode lookup(const LookupFlags& options) {
  const std::vector<Operation> layers = require_layers(options.records.select);
  const DeviceInfo device = choose_target(options.records.target).device;
  Records stored(options.records);
  const Library library(stored.all_winners());
  const std::vector<Answer> answers = look_up(library, layers, device, options.regime);
  if (options.json) {
    Json json = Json::array();
    for (const Answer& answer : answers) json.push_back(answer_json(answer, device));
    stored.add_skipped(json);
    print(json);
  } else {
    print(answer_table(answers));
  }
  ExitCode code = kDone;
  for (const auto& [layer, found] : answers) {
    if (found.match != Match::none) continue;
    report_no_variant({layer, device});
    code = kBadAnswer;
  }
  return code;
}

}  // namespace

void add_lookup(CLI::App& app, Run& run) {
  const Command<LookupFlags> command(app, run, "lookup", "the kernel that would be launched for a layer", lookup);
  add_records(*command.app, command.options->records);
  add_regime(*command.app, command.options->regime, "whose winner is preferred (burst)");
  command.app->add_flag("--json", command.options->json, "as a JSON array");
}

}  // namespace ditune::cli
