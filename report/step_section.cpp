// SPDX-License-Identifier: Apache-2.0
// Whole steps of a model by every route: PyTorch's, those of others, and ditune's.
#include <fmt/format.h>

#include "report/sections.hpp"
#include "report/steps.hpp"

namespace ditune::report {
namespace {

void add_notice(Markup& page, const std::string& text) { page.leaf("p", {{"class", "notice"}}, text); }

void add_notices(Markup& page, const StepBenchmark& steps, const Rows& rows) {
  if (!is_of_device(steps, rows))
    add_notice(page, fmt::format("Measured on {}. The rest of this page is about {}: do not compare them.",
                                 steps.gpu.empty() ? "the CPU, to try it out" : steps.gpu, rows.device.name));
  if (const std::size_t groups = step_groups(steps).size(); groups > 1)
    add_notice(page,
               fmt::format("Not all routes fitted into memory together: {} groups ran one after the other. Routes "
                           "of one group took turns and can be compared. Between groups the card may have "
                           "drifted: compare times with care.",
                           groups));
  if (steps.has_random_weights)
    page.leaf("p", "The weights are random: error and PSNR are those of such a model, not of a trained one.");
}

std::string caption_of(const StepBenchmark& steps) {
  std::string text = "Median time of a step; whiskers are the quartiles of its rounds.";
  if (steps.baseline.empty()) return text + " No baseline ran.";
  return text + fmt::format(
                    " Behind each time is its ratio to {} in the same rounds, which the dashed line marks; a tie is "
                    "where the quartiles overlap.",
                    steps.baseline);
}

void add_facts(Markup& page, const StepBenchmark& steps) {
  page.open("dl");
  for (const auto& [name, what] : steps.facts) page.leaf("dt", name).leaf("dd", what);
  page.leaf("dt", "File").leaf("dd", steps.file).close();
}

}  // namespace

void add_steps(Markup& page, const Findings& findings) {
  if (findings.rows.steps.empty()) return;
  open_section(page, "steps", "A whole step");
  for (const StepBenchmark& steps : findings.rows.steps) {
    page.open("article").leaf("h3", steps.model);
    add_notices(page, steps, findings.rows);
    const BarChart chart = step_chart(steps);
    page.add(figure([&](double width) { return draw(chart, width); }, caption_of(steps), draw(step_table(steps))));
    for (const StepRoute& route : steps.routes)
      if (!route.reason.empty()) page.leaf("p", fmt::format("{} was not run: {}", route.name, route.reason));
    add_facts(page, steps);
    page.close();
  }
  page.close();
}

}  // namespace ditune::report
