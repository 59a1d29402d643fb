// SPDX-License-Identifier: Apache-2.0
// Where the records come from, what was refused, and how to make all of it again.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/text.hpp"
#include "lookup/serving.hpp"
#include "report/sections.hpp"

namespace ditune::report {
namespace {

constexpr std::size_t kMostRefused = 200;  // in the table

// The records of one place together: GPU, driver, compiler, ditune.
struct Place {
  const TuningRecord* first = nullptr;
  std::vector<double> clocks = {}, temperatures = {}, watts = {};
  std::set<std::string> seeds = {}, days = {};
  int records = 0;
};

std::string span_text(const std::vector<double>& values) {
  if (values.empty()) return "unknown";
  const auto [low, high] = std::ranges::minmax(values);
  return low == high ? number_text(low) : fmt::format("{}–{}", number_text(low), number_text(high));
}

std::string span_text(const std::set<std::string>& values) {
  return values.size() == 1 ? *values.begin() : fmt::format("{} to {}", *values.begin(), *values.rbegin());
}

void add_known(std::vector<double>& values, double value) {
  if (value > 0) values.push_back(value);
}

std::vector<Place> places_of(const std::vector<const TuningRecord*>& records) {
  std::vector<Place> places;
  for (const TuningRecord* record : records) {
    const Provenance& from = record->provenance;
    auto place = std::ranges::find_if(places, [&](const Place& p) {
      return is_same_place(p.first->provenance, from) && p.first->source == record->source;
    });
    if (place == places.end()) place = places.insert(places.end(), Place{.first = record});
    ++place->records;
    add_known(place->clocks, from.sm_clock_mhz);
    add_known(place->temperatures, from.temperature_c);
    add_known(place->watts, record->power_w);
    place->seeds.insert(std::to_string(from.seed));
    place->days.insert(from.when);
  }
  return places;
}

std::string or_none(const std::string& text) { return text.empty() ? "none" : text; }

HtmlTable place_table(const std::vector<Place>& places) {
  HtmlTable table{.name = "Where the winners were made",
                  .columns = {{"Source"},
                              {"Winners", true},
                              {"GPU"},
                              {"Driver"},
                              {"CUDA"},
                              {"NVRTC"},
                              {"ditune"},
                              {"SM clock, MHz"},
                              {"Temperature, °C"},
                              {"Power, W"},
                              {"Seed"},
                              {"When, UTC"}}};
  for (const Place& place : places) {
    const Provenance& from = place.first->provenance;
    table.rows.push_back(
        {.cells = {std::string(format(place.first->source)), std::to_string(place.records), or_none(from.gpu_uuid),
                   or_none(from.driver_version), or_none(from.cuda_version), or_none(from.nvrtc_version),
                   from.ditune_version, span_text(place.clocks), span_text(place.temperatures), span_text(place.watts),
                   place.seeds.size() > 3 ? fmt::format("{} seeds", place.seeds.size())
                                          : fmt::format("{}", fmt::join(place.seeds, ", ")),
                   span_text(place.days)},
         .predicted = place.first->source == Source::predicted});
  }
  return table;
}

HtmlTable template_table(const std::vector<const TuningRecord*>& records) {
  std::map<std::pair<std::string, std::string>, std::pair<int, bool>> templates;  // by family and hash
  for (const TuningRecord* record : records) {
    auto& [count, is_today] = templates[{std::string(family_name(record->config)), record->key.template_hash}];
    ++count;
    is_today = is_of_todays_template(*record);
  }
  HtmlTable table{.name = "Templates",
                  .columns = {{"Family"}, {"Template hash"}, {"Winners", true}, {"This ditune's"}}};
  for (const auto& [name, of] : templates)
    table.rows.push_back({{name.first, name.second, std::to_string(of.first), of.second ? "yes" : "no: stale"}});
  return table;
}

void add_refused(Markup& page, const std::vector<RefusedRow>& rows, const std::string& file) {
  if (rows.empty()) {
    page.leaf("p", fmt::format("No row of {} was refused.", file));
    return;
  }
  HtmlTable table{.name = "Rows that were refused", .columns = {{"Table"}, {"Row"}, {"Refused because"}}};
  for (const RefusedRow& row : rows)
    if (table.rows.size() < kMostRefused) table.rows.push_back({{row.table, row.what, row.reason}});
  const bool is_one = rows.size() == 1;
  page.leaf("p", {{"class", "notice"}},
            fmt::format("{} of {} {} refused: {} in no figure of this page.", text::counted(std::ssize(rows), "row"),
                        file, is_one ? "was" : "were", is_one ? "it is" : "they are"));
  page.add(folded(fmt::format("Table of {}", table.rows.size()), table));
}

// "; 2 have no time"
std::string no_time(int rows) {
  return rows > 0 ? fmt::format("; {} {} no time", rows, rows == 1 ? "has" : "have") : "";
}

void add_facts(Markup& page, const Rows& rows) {
  page.open("dl");
  const auto fact = [&](const char* name, const std::string& value) { page.leaf("dt", name).leaf("dd", value); };
  fact("GPU", fmt::format("{}, {}, {} SMs", rows.device.name, format(rows.device.arch), rows.device.sms));
  fact("Database", rows.file);
  fact("Regime", std::string(format(rows.regime)));
  for (const Benchmark& benchmark : rows.benchmarks) {
    std::size_t used = 0;
    for (const BenchRow& row : benchmark.rows)
      if (row.device == rows.device.name && row.regime == rows.regime) ++used;
    fact("Benchmark", fmt::format("{}: {} of {} {} of this GPU and regime{}", benchmark.file, used,
                                  text::counted(std::ssize(benchmark.rows), "row"), used == 1 ? "is" : "are",
                                  no_time(benchmark.without_time)));
  }
  if (rows.against) fact("Against", rows.against->file);
  fact("This page", fmt::format("made by ditune {}, {}", rows.ditune_version, rows.when));
  page.close();
}

}  // namespace

void add_provenance(Markup& page, const Findings& findings) {
  const Rows& rows = findings.rows;
  open_section(page, "provenance", "Provenance");
  add_facts(page, rows);
  std::set<const TuningRecord*> known;
  std::vector<const TuningRecord*> records;
  for (const LayerTime& time : findings.times)
    if (time.found.record && known.insert(time.found.record).second) records.push_back(time.found.record);
  page.add(draw(place_table(places_of(records)))).add(draw(template_table(records)));
  add_refused(page, rows.refused, rows.file);
  if (rows.against) add_refused(page, rows.against->refused, rows.against->file);
  page.leaf("h3", "To make it again");
  for (const Command& command : rows.commands)
    page.leaf("p", fmt::format("{}:", command.makes)).open("pre").leaf("code", command.line).close();
  page.close();
}

}  // namespace ditune::report
