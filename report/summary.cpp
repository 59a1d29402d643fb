// SPDX-License-Identifier: Apache-2.0
// The headline: how long a step's linear work takes, and beside what.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "report/sections.hpp"
#include "report/steps.hpp"

namespace ditune::report {
namespace {

// A large figure, and what it is.
void add_figure(Markup& page, const std::string& figure, const std::string& says, bool predicted) {
  page.open("div", {{"class", predicted ? "headline predicted" : "headline"}});
  page.leaf("p", {{"class", "big"}}, figure).leaf("p", says).close();
}

std::string basis(const Total& total) {
  if (total.predicted_us <= 0) return "measured";
  if (total.predicted_us >= total.us) return "predicted, not measured";
  return fmt::format("{} of it predicted, not measured: {}", duration_text(total.predicted_us), coverage(total));
}

std::string operations_text(std::size_t count) { return text::counted(static_cast<std::int64_t>(count), "operation"); }

std::int64_t calls_of(const Findings& findings) {
  std::int64_t calls = 0;
  for (const Layer& layer : findings.rows.layers) calls += layer.calls;
  return calls;
}

void add_step(Markup& page, const Findings& findings) {
  const Total& total = findings.total;
  const std::string what = findings.rows.model.empty()
                               ? fmt::format("{}, each launched once", operations_text(total.known()))
                               : fmt::format("the linear work of one step of {}, all its passes counted: {}",
                                             findings.rows.model, text::counted(calls_of(findings), "launch"));
  const bool has_interval = duration_text(total.interval.low) != duration_text(total.interval.high);
  add_figure(
      page, duration_text(total.us),
      fmt::format(
          "{}; {}{}", what, basis(total),
          has_interval ? fmt::format(" ({}, adding up the ends of all intervals)", duration_text(total.interval)) : ""),
      findings.is_predicted());
}

std::string times_text(double ratio) { return fmt::format("{:.2f}×", ratio); }

std::string interval_text(const std::optional<Range>& interval) {
  return interval ? fmt::format(" ({:.2f}–{:.2f})", interval->low, interval->high) : "";
}

void add_peer(Markup& page, const PeerTotal& peer, const Findings& findings) {
  if (peer.operations.empty())
    return add_figure(page, "not timed", fmt::format("{}: {}", peer.name, peer.reason), false);
  const std::string over =
      fmt::format("{} of {}", peer.operations.size(), operations_text(findings.total.operations()));
  const std::string times = fmt::format("{} against {}", duration_text(peer.peer_us), duration_text(peer.ditune_us));
  switch (verdict_on(peer.ratio, peer.interval)) {
    case Verdict::tie:
      return add_figure(page, "a tie",
                        fmt::format("with {}{}, over {}: {}", peer.name, interval_text(peer.interval), over, times),
                        false);
    case Verdict::slower:
      return add_figure(page, times_text(1 / peer.ratio),
                        fmt::format("as long as {}, over {}: {}", peer.name, over, times), false);
    default:
      return add_figure(
          page, times_text(peer.ratio),
          fmt::format("the speed of {}{}, over {}: {}", peer.name, interval_text(peer.interval), over, times), false);
  }
}

// "A step takes 0.58 of compiled bf16's time."
void add_step_beside(Markup& page, const StepBenchmark& steps, const StepComparison& beside) {
  const std::string step = fmt::format("A step of {} by {}", steps.model, beside.route->name);
  const std::string other = spoken(beside.other);
  const std::string times =
      fmt::format("{} against {}", duration_text(beside.route->ms * 1e3), duration_text(beside.other_ms * 1e3));
  if (beside.verdict == Verdict::tie)
    return add_figure(page, "a tie",
                      fmt::format("{} takes as long as by {}, quartiles overlap: {}", step, other, times), false);
  const std::string caution = beside.verdict == Verdict::unknown ? "; not of the same rounds" : "";
  add_figure(page, times_text(beside.ratio),
             fmt::format("{} takes {:.2f} {}’s time: {}{}", step, beside.ratio,
                         beside.ratio < 1 ? "of " + other : "times " + other, times, caution),
             false);
}

void add_whole_step(Markup& page, const StepBenchmark& steps) {
  const StepRoute* const route = fastest_of_ditune(steps);
  if (!route) return;
  const auto baseline = beside_baseline(steps, *route), peer = beside_fastest_peer(steps, *route);
  for (const auto& beside : {baseline, peer})
    if (beside) add_step_beside(page, steps, *beside);
  if (!baseline && !peer)
    add_figure(page, duration_text(route->ms * 1e3),
               fmt::format("a step of {} by {}, beside nothing else", steps.model, route->name), false);
}

void add_against(Markup& page, const Findings& findings) {
  double now_us = 0, then_us = 0;
  Operations operations;
  bool predicted = false;
  for (const Change& change : changes(findings.rows)) {
    if (!(change.ratio > 0)) continue;
    operations.insert(change.layer->operation);
    now_us += change.now->microseconds() * change.layer->calls;
    then_us += change.then->microseconds() * change.layer->calls;
    predicted = predicted || change.now->source == Source::predicted;
  }
  const std::string& file = findings.rows.against->file;
  if (operations.empty())
    return add_figure(page, "no comparison", fmt::format("{} has no winner to compare", file), false);
  add_figure(page, times_text(then_us / now_us),
             fmt::format("the speed of {}, over {}: {} against {}{}", file, operations_text(operations.size()),
                         duration_text(then_us), duration_text(now_us), predicted ? "; predicted" : ""),
             predicted);
}

}  // namespace

void add_summary(Markup& page, const Findings& findings) {
  const Total& total = findings.total;
  open_section(page, "summary", "In short");
  if (findings.is_predicted())
    page.leaf("p", {{"class", "notice"}},
              "Nothing here was measured. Every time is what the cost model predicts for this GPU from its datasheet; "
              "hatched bars and dashed lines are predictions. Run ditune tune on the GPU to measure.");
  page.open("div", {{"class", "headlines"}});
  for (const StepBenchmark& steps : findings.rows.steps)
    if (is_of_device(steps, findings.rows)) add_whole_step(page, steps);
  add_step(page, findings);
  for (const PeerTotal& peer : peer_totals(findings.rows)) add_peer(page, peer, findings);
  if (findings.rows.against) add_against(page, findings);
  page.close();
  if (!total.unknown.empty())
    page.leaf("p", {{"class", "notice"}},
              fmt::format("No kernel is known for {}: not in any sum.", operations_text(total.unknown.size())));
  if (const std::size_t refused = findings.rows.refused.size(); refused > 0)
    page.leaf("p", {{"class", "notice"}},
              fmt::format("{} of the database {} refused, with a value that is wrong or out of range: see Provenance.",
                          text::counted(static_cast<std::int64_t>(refused), "row"), refused == 1 ? "is" : "are"));
  page.close();
}

}  // namespace ditune::report
