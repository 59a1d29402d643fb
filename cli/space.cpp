// SPDX-License-Identifier: Apache-2.0
// ditune space: the candidates of a layer on a GPU, best by the cost model first, or those that a constraint refuses.
#include <algorithm>

#include "cli/command.hpp"
#include "cli/output.hpp"
#include "cli/select.hpp"
#include "cli/target.hpp"
#include "cli/variant.hpp"
#include "generator/cost_model.hpp"
#include "generator/launch_plan.hpp"
#include "generator/search_space.hpp"

namespace ditune::cli {
namespace {

struct SpaceFlags {
  SelectOptions select;
  TargetOptions target;
  bool rejected = false, json = false;
};

struct Row {
  Target target;
  Candidate candidate;
  double predicted_us = 0;  // of a legal one
};

std::vector<Row> legal_rows(const Target& target) {
  std::vector<Row> rows;
  for (const KernelConfig& config : enumerate(target))
    rows.push_back({target, {config, {}}, predict(config, target).total_us});
  std::ranges::stable_sort(rows, {}, &Row::predicted_us);
  return rows;
}

std::vector<Row> rejected_rows(const Target& target) {
  std::vector<Row> rows;
  for (const Candidate& candidate : enumerate_all(target))
    if (candidate.rejection) rows.push_back({target, candidate});
  return rows;
}

Json row_json(const Row& row) {
  const auto& [target, candidate, predicted_us] = row;
  Json json = layer_json(target.operation);
  json["config"] = format(candidate.config);
  add_device(json, device_class(target.device));
  json["shared_bytes"] = launch_plan(candidate.config, target).shared_bytes;
  if (candidate.rejection) {
    json["constraint"] = candidate.rejection->constraint;
    json["reason"] = candidate.rejection->reason;
  } else {
    json["source"] = format(Source::predicted);
    json["predicted_us"] = predicted_us;
    add_speed(json, target.operation, predicted_us);
  }
  return json;
}

Table row_table(const std::vector<Row>& rows, const SpaceFlags& options) {
  Table legal({{"PROBLEM"}, {"FUSED"}, {"CONFIG"}, {"PREDICTED US", Align::right}, {"TOPS", Align::right}});
  Table rejected({{"PROBLEM"}, {"FUSED"}, {"CONFIG"}, {"CONSTRAINT"}, {"REASON"}});
  for (const auto& [target, candidate, predicted_us] : rows) {
    const std::string config = format(candidate.config);
    if (candidate.rejection)
      rejected.add(problem_cells(target.operation),
                   {config, candidate.rejection->constraint, candidate.rejection->reason});
    else
      legal.add(problem_cells(target.operation),
                {config, number(predicted_us), speed_cell(target.operation, predicted_us)});
  }
  return options.rejected ? rejected : legal;
}

ExitCode space(const SpaceFlags& options) {
  const std::vector<Operation> layers = require_layers(options.select);
  const DeviceInfo device = choose_target(options.target).device;
  std::vector<Row> rows;
  ExitCode code = kDone;
  for (const Operation& layer : layers) {
    const Target target{layer, device};
    const std::vector<Row> found = options.rejected ? rejected_rows(target) : legal_rows(target);
    if (found.empty()) code = kBadAnswer;
    if (found.empty() && !options.rejected) report_no_variant(target);
    std::ranges::copy(found, std::back_inserter(rows));
  }
  if (options.json) {
    Json json = Json::array();
    for (const Row& row : rows) json.push_back(row_json(row));
    print(json);
  } else if (!rows.empty()) {
    print(row_table(rows, options));
  }
  return code;
}

}  // namespace

void add_space(CLI::App& app, Run& run) {
  const Command<SpaceFlags> command(app, run, "space", "the candidates of a layer, best by the cost model first",
                                    space);
  SpaceFlags& options = *command.options;
  add_select(*command.app, options.select);
  add_target(*command.app, options.target);
  command.app->add_flag("--rejected", options.rejected, "those that a constraint refuses instead, with the reason");
  command.app->add_flag("--json", options.json, "as a JSON array");
}

}  // namespace ditune::cli
