// SPDX-License-Identifier: Apache-2.0
// The searches, and what lookup serves at every M.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "core/kind.hpp"
#include "core/text.hpp"
#include "generator/emit.hpp"
#include "lookup/serving.hpp"
#include "report/row_curve.hpp"
#include "report/search.hpp"
#include "report/sections.hpp"

namespace ditune::report {
namespace {

constexpr std::size_t kMostReasons = 30;  // in a table

HtmlTable candidate_table(const Search& search) {
  HtmlTable table{
      .name = "What was chosen among",
      .columns = {{"Candidate"}, {"Config"}, {"Measured µs", true}, {"95% interval, µs"}, {"Predicted µs", true}}};
  const auto add = [&](const char* name, const std::optional<Variant>& candidate) {
    if (!candidate) return;
    const auto& interval = candidate->interval;
    table.rows.push_back(
        {.cells = {name, format(candidate->config), cell_number(candidate->measured_us.value_or(0)),
                   interval ? fmt::format("{}–{}", cell_number(interval->low), cell_number(interval->high)) : "",
                   cell_number(candidate->predicted_us)},
         .predicted = !candidate->measured_us});
  };
  add("winner", search.winner);
  add("runner-up", search.runner_up);
  add("the cost model's pick", search.model_pick);
  return table;
}

HtmlTable tally_table(const std::vector<Tally>& tallies, const char* name, const char* what, const char* example) {
  HtmlTable table{.name = name, .columns = {{what}, {"Count", true}, {example}}};
  for (const Tally& tally : tallies)
    if (table.rows.size() < kMostReasons)
      table.rows.push_back({{tally.name, std::to_string(tally.count), tally.example}});
  return table;
}

// All that the heat map and the plots are made of.
HtmlTable tried_table(const Search& search) {
  HtmlTable table{
      .name = "Candidates that were tried",
      .columns = {{"Config"}, {"Measured µs", true}, {"Predicted µs", true}, {"Measured / predicted", true}}};
  for (const Variant& candidate : search.candidates)
    if (candidate.is_tried)
      table.rows.push_back(
          {.cells = {format(candidate.config), cell_number(candidate.measured_us.value_or(0)),
                     cell_number(candidate.predicted_us),
                     candidate.measured_us ? fmt::format("{:.3f}", *candidate.measured_us / candidate.predicted_us)
                                           : ""},
           .predicted = !candidate.measured_us});
  return table;
}

std::string story_of(const Search& search, const TuningRecord* winner) {
  std::size_t pruned = 0, failed = 0;
  for (const Tally& tally : search.pruned) pruned += tally.count;
  for (const Tally& tally : search.failed) failed += tally.count;
  std::string text =
      fmt::format("{}; constraints ruled out {}. ", text::counted(std::ssize(search.candidates), "candidate"),
                  text::counted(static_cast<std::int64_t>(pruned), "variant"));
  if (search.tried == 0) return text + "No trial is stored.";
  text += fmt::format("Tried {}, measured {}, {} failed, {} spilled registers.", search.tried, search.measured, failed,
                      search.spilled);
  if (search.measured == 0)
    text += " Nothing was measured: the winner is the cost model's best among those that compile.";
  if (winner && !winner->tied.empty())
    text += fmt::format(" {} cannot be told from the winner: a tie.", text::counted(std::ssize(winner->tied), "other"));
  return text;
}

bool are_numbers(const std::vector<std::string>& values) {
  return std::ranges::all_of(values, [](const std::string& value) {
    return !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
  });
}

HtmlTable map_table(const HeatMap& map) {
  HtmlTable table{.name = "Cells of the map",
                  .columns = {{map.x_name, are_numbers(map.x_values)},
                              {map.y_name, are_numbers(map.y_values)},
                              {"Times the best", true},
                              {"The best of the rest"},
                              {"Marks"}}};
  for (const HeatCell& cell : map.cells)
    table.rows.push_back(
        {.cells = {map.x_values[static_cast<std::size_t>(cell.x)], map.y_values[static_cast<std::size_t>(cell.y)],
                   fmt::format("{:.3f}", cell.ratio), cell.shown, cell.mark},
         .predicted = cell.predicted});
  return table;
}

HtmlTable progress_table(const Search& search) {
  HtmlTable table{.name = "Measured trials in their order",
                  .columns = {{"Trial", true}, {"µs", true}, {"Best so far, µs", true}}};
  double best_us = 0;
  for (const double us : search.measured_us) {
    best_us = table.rows.empty() ? us : std::min(best_us, us);
    table.rows.push_back({{std::to_string(table.rows.size() + 1), cell_number(us), cell_number(best_us)}});
  }
  return table;
}

void add_maps(Markup& page, const std::vector<HeatMap>& maps) {
  page.open("div", {{"class", "choices"}});
  for (const HeatMap& map : maps) {
    page.open("div", {{"class", "choice"}, {"data-name", fmt::format("{} by {}", map.x_name, map.y_name)}});
    page
        .add(figure(
            [&](double width) { return draw(map, width); },
            fmt::format(
                "The best of each {} and {}: how many times as long it takes as the best of all. Measured times are "
                "beside the best measured one, predicted ones (hatched) beside the best predicted one.",
                map.x_name, map.y_name),
            folded("Table of " + text::counted(std::ssize(map.cells), "cell"), map_table(map))))
        .close();
  }
  page.close();
}

void add_plot(Markup& page, const std::optional<Plot>& plot, const char* caption, const Markup& table) {
  if (plot) page.add(figure([&](double width) { return draw(*plot, width); }, caption, table));
}

void add_search(Markup& page, const Layer& layer, const Search& search, const Findings& findings,
                const TuningRecord* winner) {
  page.open("article").leaf("h3", describe(layer)).leaf("p", story_of(search, winner));
  page.add(draw(candidate_table(search)));
  add_maps(page, heat_maps(search, findings.rows.heat_map));
  const Markup tried =
      search.tried > 0 ? folded(fmt::format("Table of {} tried", search.tried), tried_table(search)) : Markup();
  add_plot(page, accuracy_plot(search), "What was measured over what the cost model predicts: on the line it is right.",
           tried);
  add_plot(page, progress_plot(search), "The best time after so many measured candidates.",
           folded("Table of " + text::counted(std::ssize(search.measured_us), "trial"), progress_table(search)));
  if (search.measured == 0) page.add(tried);
  if (!search.failed.empty())
    page.add(folded("Why candidates failed", tally_table(search.failed, "Failures", "Reason", "One of them")));
  if (!search.pruned.empty())
    page.add(
        folded("Why variants were not tried", tally_table(search.pruned, "Ruled out", "Constraint", "One of them")));
  page.close();
}

using TrialsOf = std::unordered_map<Operation, std::vector<const Trial*>, HashOperation>;

TrialsOf trials_of(const Rows& rows) {
  TrialsOf trials;
  for (const Trial& trial : rows.trials)
    if (trial.key.device == rows.device && trial.key.regime == rows.regime &&
        trial.key.template_hash == template_hash(trial.config))
      trials[trial.key.operation].push_back(&trial);
  return trials;
}

HtmlTable curve_table(const RowCurve& curve) {
  HtmlTable table{.name = "Tuned and benched", .columns = {{"M", true}, {"µs", true}, {"Source"}, {"Config"}}};
  for (const RowPoint& point : curve.tuned)
    table.rows.push_back({.cells = {std::to_string(point.m), cell_number(point.us),
                                    curve.measured ? "measured" : "winner", point.config},
                          .predicted = !curve.measured});
  for (const RowPoint& point : curve.benched)
    table.rows.push_back({{std::to_string(point.m), cell_number(point.us), "benchmark", point.config}});
  for (const RowPoint& point : curve.expected)
    table.rows.push_back(
        {.cells = {std::to_string(point.m), cell_number(point.us), "expected", point.config}, .predicted = true});
  return table;
}

HtmlTable cliff_table(const RowCurve& curve) {
  HtmlTable table{.name = "Cliffs", .columns = {{"M", true}, {"faster at M", true}, {"times as long", true}}};
  for (const Cliff& cliff : curve.cliffs)
    table.rows.push_back(
        {{std::to_string(cliff.m), std::to_string(cliff.m_faster), fmt::format("{:.2f}", cliff.ratio)}});
  return table;
}

// "qkv, gemm_s8: n=13824,k=4608"
std::string layer_name(const RowCurve& curve, const Rows& rows) {
  std::string text = fmt::format("{}: {}", kind_name(curve.layer), format_layer(curve.layer));
  const Operation wanted = with_rows(curve.layer, 1);
  for (const Layer& layer : rows.layers)
    if (!layer.name.empty() && with_rows(layer.operation, 1) == wanted) return layer.name + ", " + text;
  return text;
}

}  // namespace

void add_searches(Markup& page, const Findings& findings) {
  open_section(page, "search", "How the winners were found");
  const TrialsOf trials = trials_of(findings.rows);
  const DeviceInfo device = device_of(findings.rows.device);
  const Winners winners(findings.rows.records, findings.rows.device, findings.rows.regime);
  Operations shown, all;
  for (const LayerTime* time : by_step_time(findings)) {
    const Operation& operation = time->layer->operation;
    if (shown.size() == kMostSearches) break;
    const auto its = trials.find(operation);
    if (!winners.of(operation) || !shown.insert(operation).second) continue;
    const std::span<const Trial* const> tried = its == trials.end() ? std::span<const Trial* const>() : its->second;
    const TuningRecord* const winner = winners.of(operation);
    add_search(page, *time->layer, search_of({operation, device}, tried, winner), findings, winner);
  }
  if (shown.empty()) page.leaf("p", "No operation has a winner of its own.");
  for (const Layer& layer : findings.rows.layers) all.insert(layer.operation);
  if (shown.size() < all.size())
    page.leaf("p", fmt::format("Shown: {}, of {}, that take longest; --linear and --operation choose others.",
                               text::counted(std::ssize(shown), "operation"), all.size()));
  page.close();
}

void add_row_curves(Markup& page, const Findings& findings) {
  open_section(page, "rows", "Every M");
  const std::vector<RowCurve> curves = row_curves(findings.rows, findings.library, kMostCurves);
  if (curves.empty()) page.leaf("p", "No winner of today's templates is there to serve other M.");
  for (const RowCurve& curve : curves) {
    const Plot plot = row_plot(curve);
    Markup tables =
        folded(fmt::format("Table of {} M", curve.tuned.size() + curve.benched.size() + curve.expected.size()),
               curve_table(curve));
    if (!curve.cliffs.empty())
      tables.add(
          folded(fmt::format("Table of {}", text::counted(std::ssize(curve.cliffs), "cliff")), cliff_table(curve)));
    page.open("article").leaf("h3", layer_name(curve, findings.rows));
    page.add(figure([&](double width) { return draw(plot, width); },
                    "What lookup serves. The dashed line is the cost model's time of the kernel that is served, scaled "
                    "by what was "
                    "measured at the M that the kernel was tuned at.",
                    tables))
        .close();
  }
  page.close();
}

}  // namespace ditune::report
