// SPDX-License-Identifier: Apache-2.0
// Another database, and the other GPUs of this one.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/text.hpp"
#include "report/bars.hpp"
#include "report/sections.hpp"

namespace ditune::report {
namespace {

constexpr int kNow = 4, kThen = 5;  // colours

std::string says(const Change& change) {
  if (!change.now && !change.then) return "in neither database";
  if (!change.now) return "only in the other database";
  if (!change.then) return "not in the other database";
  if (change.now->source != change.then->source) return "one is measured, the other predicted";
  if (change.now->key.regime != change.then->key.regime) return "of different regimes";
  const char* const config = change.now->config == change.then->config ? "" : ", another kernel";
  if (change.now->source == Source::predicted) return fmt::format("both predicted{}", config);
  switch (change.verdict) {
    case Verdict::faster:
      return fmt::format("faster now{}", config);
    case Verdict::slower:
      return fmt::format("slower now{}", config);
    case Verdict::tie:
      return fmt::format("tie{}", config);
    case Verdict::unknown:
      break;
  }
  return fmt::format("interval unknown{}", config);
}

BarPart part_of(const TuningRecord& record, int calls, int series) {
  const bool measured = record.source == Source::measured;
  BarPart part{
      .shown = format(record.config), .us = record.microseconds() * calls, .series = series, .predicted = !measured};
  if (measured && record.low_us > 0) part.interval = Range{record.low_us * calls, record.high_us * calls};
  return part;
}

HtmlTable change_table(const std::vector<Change>& all) {
  HtmlTable table{.name = "Then and now",
                  .columns = {{"Operation"},
                              {"Now µs", true},
                              {"Then µs", true},
                              {"Then / now", true},
                              {"Interval"},
                              {"Says"},
                              {"Now"},
                              {"Then"}}};
  const auto us = [](const TuningRecord* record) { return record ? cell_number(record->microseconds()) : ""; };
  const auto config = [](const TuningRecord* record) { return record ? format(record->config) : ""; };
  for (const Change& change : all)
    table.rows.push_back(
        {.cells = {describe(*change.layer), us(change.now), us(change.then),
                   change.ratio > 0 ? fmt::format("{:.3f}", change.ratio) : "",
                   change.interval ? fmt::format("{:.3f}–{:.3f}", change.interval->low, change.interval->high) : "",
                   says(change), config(change.now), config(change.then)},
         .predicted = change.now && change.now->source == Source::predicted});
  return table;
}

}  // namespace

void add_changes(Markup& page, const Findings& findings) {
  if (!findings.rows.against) return;
  const std::vector<Change> all = changes(findings.rows);
  std::vector<const Change*> compared;
  std::array<Operations, 4> of;  // by verdict
  for (const Change& change : all) {
    of[static_cast<std::size_t>(change.verdict)].insert(change.layer->operation);
    if (change.ratio > 0) compared.push_back(&change);
  }
  const auto effect = [](const Change* c) {
    return std::abs(c->then->microseconds() - c->now->microseconds()) * c->layer->calls;
  };
  std::ranges::stable_sort(compared, std::greater(), effect);
  BarChart chart{.name = "Then and now",
                 .keys = {{"key " + look_of(kNow, false), "now"}, {"key " + look_of(kThen, false), "then"}}};
  for (const Change* change : compared) {
    if (chart.groups.size() == kMostBars) break;
    const int calls = change->layer->calls;
    chart.groups.push_back({describe(*change->layer),
                            {{.name = "now", .parts = {part_of(*change->now, calls, kNow)}, .remark = says(*change)},
                             {.name = "then", .parts = {part_of(*change->then, calls, kThen)}}}});
  }
  open_section(page, "changes", "Against " + findings.rows.against->file);
  page.leaf(
      "p",
      fmt::format("{} faster now, {} slower, {}, {} that cannot be compared. Medians drift with the card from run to "
                  "run: ditune bench --against times both databases in the same rounds.",
                  of[0].size(), of[2].size(), text::counted(std::ssize(of[1]), "tie"), of[3].size()));
  page.add(figure([&](double width) { return draw(chart, width); }, "Time in a step, the largest changes first.",
                  folded("Table of " + text::counted(std::ssize(all), "row"), change_table(all))))
      .close();
}

void add_other_devices(Markup& page, const Findings& findings) {
  const std::vector<OtherDevice> others = other_devices(findings.rows);
  if (others.empty()) return;
  BarChart chart{.name = "Other GPUs"};
  HtmlTable table{
      .name = "Other GPUs",
      .columns = {{"GPU"}, {"Operations", true}, {"ms there", true}, {"ms here", true}, {"Ratio", true}, {"Source"}}};
  for (const OtherDevice& other : others) {
    const double ratio = other.there_us / other.here_us;
    const std::string basis = other.measured ? "measured" : "predicted, in part at least";
    table.rows.push_back(
        {.cells = {other.device.name, std::to_string(other.operations.size()), cell_number(other.there_us * 1e-3),
                   cell_number(other.here_us * 1e-3), fmt::format("{:.2f}", ratio), basis},
         .predicted = !other.measured});
    chart.groups.push_back(
        {fmt::format("{}, {}", other.device.name, text::counted(std::ssize(other.operations), "operation")),
         {{.name = "there",
           .parts = {{.shown = basis, .us = other.there_us, .series = kThen, .predicted = !other.measured}},
           .remark = fmt::format("{:.2f}× as long", ratio)},
          {.name = "here",
           .parts = {{.shown = basis, .us = other.here_us, .series = kNow, .predicted = !other.measured}}}}});
    if (chart.groups.size() == kMostBars) break;
  }
  open_section(page, "devices", "The same on other GPUs");
  page.add(figure([&](double width) { return draw(chart, width); },
                  "The operations that both have a winner of, as often as a step launches them.",
                  folded("Table of GPUs", table)))
      .close();
}

}  // namespace ditune::report
