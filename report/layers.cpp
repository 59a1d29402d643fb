// SPDX-License-Identifier: Apache-2.0
// A bar for each layer, stacked by operation, peers beside it; and the roofline.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/kind.hpp"
#include "core/operands.hpp"
#include "core/text.hpp"
#include "report/bars.hpp"
#include "report/sections.hpp"

namespace ditune::report {
namespace {

// The colour of a peer: those of ditune's kinds are before them.
constexpr int kFirstPeer = 2;
int series_of_peer(int index) { return kFirstPeer + index % (kSeries - kFirstPeer); }

struct Group {
  std::string name;
  std::vector<const LayerTime*> parts;
  double step_us = 0;
};

// A linear of some rows with its producer; an operation without a linear by itself. The longest first.
std::vector<Group> groups_of(const Findings& findings) {
  std::vector<Group> groups;
  std::map<std::string, std::size_t> at;
  for (const LayerTime& time : findings.times) {
    if (!(time.us > 0)) continue;
    const Layer& layer = *time.layer;
    const std::string name = layer.name.empty() ? ditune::describe(layer.operation)
                                                : fmt::format("{}, M={}", layer.name, rows(layer.operation));
    const auto [entry, is_new] = at.try_emplace(name, groups.size());
    if (is_new) groups.push_back({.name = name, .parts = {}});
    Group& group = groups[entry->second];
    group.parts.push_back(&time);
    group.step_us += time.step_us();
  }
  std::ranges::stable_sort(groups, std::greater(), &Group::step_us);
  return groups;
}

std::vector<std::string> kinds_of(const Findings& findings) {
  std::vector<std::string> kinds;
  for (const LayerTime& time : findings.times)
    if (const std::string kind(kind_name(time.layer->operation)); std::ranges::find(kinds, kind) == kinds.end())
      kinds.push_back(kind);
  return kinds;
}

template <class T>
int index_in(const std::vector<T>& all, const T& one) {
  return static_cast<int>(std::ranges::find(all, one) - all.begin());
}

Range scaled(const Range& range, double factor) { return {range.low * factor, range.high * factor}; }

Bar own_bar(const Group& group, const std::vector<std::string>& kinds) {
  Bar bar{.name = "ditune", .parts = {}};
  bool predicted = false;
  for (const LayerTime* time : group.parts) {
    const Operation& operation = time->layer->operation;
    const std::string calls = time->layer->calls > 1
                                  ? fmt::format("{} × {}", time->layer->calls, duration_text(time->us))
                                  : duration_text(time->us);
    bar.parts.push_back(
        {.shown = fmt::format("{} {}: {}, {}", kind_name(operation), ditune::describe(operation), calls,
                              time->measured ? "measured" : "predicted"),
         .us = time->step_us(),
         .interval = time->interval ? std::optional(scaled(*time->interval, time->layer->calls)) : std::nullopt,
         .series = index_in(kinds, std::string(kind_name(operation))),
         .predicted = !time->measured});
    predicted = predicted || !time->measured;
  }
  if (predicted) bar.remark = "predicted";
  return bar;
}

std::string verdict_text(const PeerRow& peer) {
  switch (verdict_on(peer.ratio, peer.ratio_interval)) {
    case Verdict::tie:
      return "tie";
    case Verdict::faster:
      return fmt::format("{:.2f}× as long", peer.ratio);
    case Verdict::slower:
      return fmt::format("{:.2f}× as long: faster", peer.ratio);
    case Verdict::unknown:
      break;
  }
  return fmt::format("{:.2f}×, interval unknown", peer.ratio);
}

// A peer runs one operation of a linear: its bar is beside that one's time in the benchmark.
// Each once: the first benchmark that has it counts.
void add_peer_bars(BarGroup& drawn, const Group& group, const Rows& rows, std::vector<std::string>& peers) {
  for (const LayerTime* time : group.parts) {
    std::set<std::string> seen;
    for (const BenchRow* row : bench_rows(rows, time->layer->operation))
      for (const PeerRow& peer : row->peers) {
        if (!peer.reason.empty() || !seen.insert(peer.name).second) continue;
        if (std::ranges::find(peers, peer.name) == peers.end()) peers.push_back(peer.name);
        const double us = row->us * time->layer->calls;
        const auto interval = peer.ratio_interval ? std::optional(scaled(*peer.ratio_interval, us)) : std::nullopt;
        drawn.bars.push_back({.name = peer.name,
                              .parts = {{.shown = fmt::format("{}: {} beside ditune's {}", peer.name,
                                                              duration_text(peer.us), duration_text(row->us)),
                                         .us = us * peer.ratio,
                                         .interval = interval,
                                         .series = series_of_peer(index_in(peers, peer.name))}},
                              .remark = verdict_text(peer)});
      }
  }
}

BarChart chart_of(const Findings& findings, const std::vector<Group>& groups) {
  BarChart chart{.name = "Time of each layer in a step"};
  const std::vector<std::string> kinds = kinds_of(findings);
  std::vector<std::string> peers;
  for (const Group& group : groups) {
    if (chart.groups.size() == kMostBars) break;
    BarGroup& drawn = chart.groups.emplace_back(BarGroup{group.name, {own_bar(group, kinds)}});
    add_peer_bars(drawn, group, findings.rows, peers);
  }
  std::set<std::pair<int, bool>> used;
  for (const BarGroup& group : chart.groups)
    for (const BarPart& part : group.bars[0].parts) used.insert({part.series, part.predicted});
  for (const auto& [series, predicted] : used)
    chart.keys.push_back({"key " + look_of(series, predicted),
                          kinds[static_cast<std::size_t>(series)] + (predicted ? ", predicted" : ", measured")});
  for (const std::string& peer : peers)
    chart.keys.push_back({"key " + look_of(series_of_peer(index_in(peers, peer)), false), peer});
  return chart;
}

// ---- tables ----

std::string speed_text(const LayerTime& time) {
  const Operation& operation = time.layer->operation;
  if (rate_of(operation) == Rate::operations) return cell_number(tops(operation, time.us)) + " TOPS";
  const auto bytes = static_cast<double>(operand_bytes(operation, packed_strides(operation)));
  return cell_number(bytes / time.us * 1e-3) + " GB/s";
}

std::string interval_cell(const std::optional<Range>& interval) {
  return interval ? fmt::format("{}–{}", cell_number(interval->low), cell_number(interval->high)) : "";
}

HtmlTable layer_table(const Findings& findings) {
  HtmlTable table{.name = "Each operation, as often as a step launches it",
                  .columns = {{"Linear"},
                              {"Operation"},
                              {"Sizes"},
                              {"Fused"},
                              {"Calls", true},
                              {"µs", true},
                              {"95% interval, µs"},
                              {"ms a step", true},
                              {"% of the step", true},
                              {"Speed"},
                              {"Source"},
                              {"Match"},
                              {"Config"}}};
  for (const LayerTime& time : findings.times) {
    const Layer& layer = *time.layer;
    const bool is_known = time.us > 0;
    table.rows.push_back(
        {.cells = {layer.name, std::string(kind_name(layer.operation)), describe_sizes(layer.operation),
                   describe_fused(layer.operation), std::to_string(layer.calls), cell_number(time.us),
                   interval_cell(time.interval), cell_number(time.step_us() * 1e-3),
                   is_known ? fmt::format("{:.2f}", 100 * time.step_us() / findings.total.us) : "",
                   is_known ? speed_text(time) : "", is_known ? (time.measured ? "measured" : "predicted") : "",
                   std::string(format(time.found.match)),
                   time.found.match == Match::none ? "" : format(time.found.config)},
         .predicted = !time.measured});
  }
  return table;
}

HtmlTable peer_table(const Rows& rows) {
  HtmlTable table{.name = "Peers, timed in the same rounds",
                  .columns = {{"Operation"},
                              {"Peer"},
                              {"ditune µs", true},
                              {"Peer µs", true},
                              {"Ratio", true},
                              {"95% interval"},
                              {"Says"}}};
  std::set<std::string> told;
  for (const Layer& layer : rows.layers)
    for (const BenchRow* row : bench_rows(rows, layer.operation))
      for (const PeerRow& peer : row->peers) {
        const std::string operation = format(layer.operation);
        if (!told.insert(operation + "|" + peer.name).second) continue;
        const bool is_timed = peer.reason.empty();
        const auto& interval = peer.ratio_interval;
        table.rows.push_back({{operation, peer.name, cell_number(row->us), cell_number(peer.us),
                               is_timed ? fmt::format("{:.3f}", peer.ratio) : "",
                               interval ? fmt::format("{:.3f}–{:.3f}", interval->low, interval->high) : "",
                               is_timed ? verdict_text(peer) : peer.reason}});
      }
  return table;
}

HtmlTable roofline_table(const std::vector<RooflinePoint>& points) {
  HtmlTable table{
      .name = "Intensity and rate",
      .columns = {
          {"Operation"}, {"Kind"}, {"Operations a byte", true}, {"TOPS", true}, {"% of the limit", true}, {"Source"}}};
  for (const RooflinePoint& point : points)
    table.rows.push_back(
        {.cells = {point.name, point.kind, cell_number(point.intensity), cell_number(point.tops),
                   fmt::format("{:.1f}", 100 * point.share), point.measured ? "measured" : "predicted"},
         .predicted = !point.measured});
  return table;
}

std::string of_all(std::size_t drawn, std::size_t all) {
  return drawn < all ? fmt::format(" The picture has the {} that take longest, of {}.", drawn, all) : "";
}

}  // namespace

std::vector<const LayerTime*> by_step_time(const Findings& findings) {
  std::vector<const LayerTime*> times;
  for (const LayerTime& time : findings.times)
    if (time.us > 0) times.push_back(&time);
  std::ranges::stable_sort(times, std::greater(), &LayerTime::step_us);
  return times;
}

std::string describe(const Layer& layer) {
  return layer.name.empty() ? ditune::describe(layer.operation) : layer.name + " " + ditune::describe(layer.operation);
}

void add_layers(Markup& page, const Findings& findings) {
  const std::vector<Group> groups = groups_of(findings);
  const BarChart chart = chart_of(findings, groups);
  const bool is_model = !findings.rows.model.empty();
  open_section(page, "layers", "Where the time is");
  const std::string caption = fmt::format(
      "{} Whiskers are 95% intervals of the median. A peer's bar is its ratio in the same rounds, times what "
      "ditune took in them; a tie is a ratio that cannot be told from 1.{}",
      is_model ? "Time of each linear in a step, with what makes its rows." : "Time of one launch of each operation.",
      of_all(chart.groups.size(), groups.size()));
  Markup tables = folded("Table of " + text::counted(std::ssize(findings.times), "row"), layer_table(findings));
  if (const HtmlTable peers = peer_table(findings.rows); !peers.rows.empty())
    tables.add(folded("Table of peers", peers));
  page.add(figure([&](double width) { return draw(chart, width); }, caption, tables)).close();
}

void add_roofline(Markup& page, const Findings& findings) {
  std::vector<RooflinePoint> points;
  const std::vector<std::string> kinds = kinds_of(findings);
  Operations operations;
  for (const LayerTime* time : by_step_time(findings))
    if (operations.insert(time->layer->operation).second && points.size() < kMostPoints) {
      points.push_back(roofline_point(*time, findings.limits));
      points.back().series = index_in(kinds, points.back().kind);
    }
  const Plot plot = roofline(points, findings.limits);
  open_section(page, "roofline", "Beside what the card could do");
  const std::string caption = fmt::format(
      "Each operation's rate over its operations a byte, operands counted once. The limits are int8 tensor cores at "
      "{}the datasheet's boost clock, and DRAM; what fits into L2 can be above DRAM's line. Dashed: predicted.{}",
      findings.limits.measured_tops > 0 ? "the median clock that was measured, at " : "",
      of_all(points.size(), operations.size()));
  page.add(figure([&](double width) { return draw(plot, width); }, caption,
                  folded("Table of " + text::counted(std::ssize(points), "operation"), roofline_table(points))))
      .close();
}

}  // namespace ditune::report
