// SPDX-License-Identifier: Apache-2.0
#include "report/steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ditune::report {
namespace {

constexpr int kDitune = 0, kPeer = 5, kBaseline = 3;  // colours
constexpr double kMicroseconds = 1e3, kGib = 1024.0 * 1024 * 1024;

bool ran(const StepRoute& route) { return route.reason.empty(); }
bool is_ditunes(const StepRoute& route) { return ran(route) && !route.operations.empty(); }
bool is_baseline(const StepBenchmark& steps, const StepRoute& route) {
  return ran(route) && route.name == steps.baseline;
}

Verdict verdict_on(const Range& route, const Range& other) {
  if (route.high < other.low) return Verdict::faster;
  return route.low > other.high ? Verdict::slower : Verdict::tie;
}

const StepRoute* baseline_of(const StepBenchmark& steps) {
  const auto found = std::ranges::find_if(steps.routes, [&](const StepRoute& r) { return is_baseline(steps, r); });
  return found == steps.routes.end() ? nullptr : &*found;
}

std::string says(const StepBenchmark& steps, const StepRoute& route) {
  if (!ran(route)) return "not run";
  if (is_baseline(steps, route)) return "baseline";
  const auto beside = beside_baseline(steps, route);
  if (!beside) return "";
  switch (beside->verdict) {
    case Verdict::faster:
      return "faster";
    case Verdict::slower:
      return "slower";
    case Verdict::tie:
      return "tie";
    case Verdict::unknown:
      break;
  }
  return "not of the same rounds";
}

std::string remark_on(const StepBenchmark& steps, const StepRoute& route) {
  std::string said = says(steps, route);
  if (!(route.ratio > 0) || is_baseline(steps, route)) return said;
  const std::string ratio = fmt::format("{:.2f}×", route.ratio);
  return said == "tie" || !route.is_beside_baseline ? fmt::format("{}, {}", ratio, said) : ratio;
}

Bar bar_of(const StepBenchmark& steps, const StepRoute& route) {
  const int series = is_baseline(steps, route) ? kBaseline : is_ditunes(route) ? kDitune : kPeer;
  const double low = route.quartiles.low * kMicroseconds, high = route.quartiles.high * kMicroseconds;
  return {.name = route.name,
          .parts = {{.shown = fmt::format("{}: {}, quartiles {}", route.name, duration_text(route.ms * kMicroseconds),
                                          duration_text(Range{low, high})),
                     .us = route.ms * kMicroseconds,
                     .interval = Range{low, high},
                     .series = series}},
          .remark = remark_on(steps, route)};
}

// The baseline's time in the rounds of this group.
std::optional<double> baseline_us(const StepRoute& route) {
  if (!route.is_beside_baseline || !(route.ratio > 0)) return std::nullopt;
  return route.ms / route.ratio * kMicroseconds;
}

std::string cell(const std::optional<double>& value) { return !value ? "" : *value == 0 ? "0" : cell_number(*value); }

std::string psnr_cell(const StepRoute& route) {
  if (route.is_same_latent) return "equal";
  return route.psnr_db ? fmt::format("{:.1f}", *route.psnr_db) : "";
}

HtmlRow row_of(const StepBenchmark& steps, const StepRoute& route) {
  if (!ran(route)) return {.cells = {route.name, "", "", "", says(steps, route)}};
  const auto gib = route.peak_bytes ? std::optional(*route.peak_bytes / kGib) : std::nullopt;
  return {.cells = {route.name, cell_number(route.ms),
                    fmt::format("{}–{}", cell_number(route.quartiles.low), cell_number(route.quartiles.high)),
                    route.ratio > 0 ? fmt::format("{:.3f}", route.ratio) : "", says(steps, route), cell(route.host_ms),
                    cell(route.first_call_s), cell(gib), cell(route.watts), cell(route.joules), cell(route.error),
                    psnr_cell(route), std::to_string(route.group + 1), cell(route.sustained_ms), cell(route.tune_s),
                    route.operations}};
}

}  // namespace

std::optional<StepComparison> beside_baseline(const StepBenchmark& steps, const StepRoute& route) {
  const StepRoute* const baseline = baseline_of(steps);
  if (!baseline || baseline == &route || !ran(route) || !(route.ratio > 0)) return std::nullopt;
  StepComparison beside{
      .route = &route, .other = baseline->name, .other_ms = route.ms / route.ratio, .ratio = route.ratio};
  // Each group has rounds of the baseline; the file has quartiles of those of its own group alone.
  const Range others = route.group == baseline->group ? baseline->quartiles : Range{beside.other_ms, beside.other_ms};
  if (route.is_beside_baseline) beside.verdict = verdict_on(route.quartiles, others);
  return beside;
}

const StepRoute* fastest_of_ditune(const StepBenchmark& steps) {
  const StepRoute* fastest = nullptr;
  for (const StepRoute& route : steps.routes) {
    if (!is_ditunes(route)) continue;
    const bool is_first = !fastest || route.is_beside_baseline > fastest->is_beside_baseline;
    if (is_first || (route.is_beside_baseline == fastest->is_beside_baseline && route.ms < fastest->ms))
      fastest = &route;
  }
  return fastest;
}

std::optional<StepComparison> beside_fastest_peer(const StepBenchmark& steps, const StepRoute& route) {
  const StepRoute* peer = nullptr;
  for (const StepRoute& other : steps.routes) {
    if (!ran(other) || is_ditunes(other) || is_baseline(steps, other) || other.group != route.group) continue;
    if (!peer || other.ms < peer->ms) peer = &other;
  }
  if (!peer) return std::nullopt;
  return StepComparison{.route = &route,
                        .other = peer->name,
                        .other_ms = peer->ms,
                        .ratio = route.ms / peer->ms,
                        .verdict = verdict_on(route.quartiles, peer->quartiles)};
}

bool is_of_device(const StepBenchmark& steps, const Rows& rows) { return steps.gpu == rows.device.name; }

std::set<std::size_t> step_groups(const StepBenchmark& steps) {
  std::set<std::size_t> groups;
  for (const StepRoute& route : steps.routes)
    if (ran(route)) groups.insert(route.group);
  return groups;
}

std::string spoken(std::string_view route) {
  constexpr std::string_view kCompiled = "-compiled";
  if (!route.ends_with(kCompiled)) return std::string(route);
  route.remove_suffix(kCompiled.size());
  return fmt::format("compiled {}", route);
}

BarChart step_chart(const StepBenchmark& steps) {
  BarChart chart{.name = fmt::format("A step of {} by each route", steps.model)};
  if (std::ranges::any_of(steps.routes, is_ditunes))
    chart.keys = {{"key " + look_of(kDitune, false), "with ditune"}, {"key " + look_of(kPeer, false), "without"}};
  if (!steps.baseline.empty())
    chart.keys.push_back({"key " + look_of(kBaseline, false), fmt::format("{}, the baseline", steps.baseline)});
  const std::set<std::size_t> groups = step_groups(steps);
  for (const std::size_t group : groups) {
    BarGroup& drawn = chart.groups.emplace_back();
    if (groups.size() > 1) drawn.name = fmt::format("Group {}", group + 1);
    for (const StepRoute& route : steps.routes) {
      if (!ran(route) || route.group != group) continue;
      drawn.bars.push_back(bar_of(steps, route));
      if (!drawn.line_us) drawn.line_us = baseline_us(route);
    }
  }
  return chart;
}

HtmlTable step_table(const StepBenchmark& steps) {
  HtmlTable table{.name = fmt::format("A step of {} by each route", steps.model),
                  .columns = {{"Route", false, true},
                              {"ms", true},
                              {"Quartiles, ms", false, true},
                              {"Ratio", true},
                              {"Says", false, true},
                              {"Host, ms", true},
                              {"First, s", true},
                              {"Peak, GiB", true},
                              {"W", true},
                              {"J", true},
                              {"Error", true},
                              {"PSNR, dB", false, true},
                              {"Group", true},
                              {"Without a pause, ms", true},
                              {"Tuning, s", true},
                              {"Records of its operations", false, true}}};
  for (const StepRoute& route : steps.routes) {
    table.rows.push_back(row_of(steps, route));
    table.rows.back().cells.resize(table.columns.size());  // of a route that did not run: the rest is empty
  }
  return table;
}

}  // namespace ditune::report
