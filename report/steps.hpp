// SPDX-License-Identifier: Apache-2.0
// A model's whole step by each route: which is faster, and the picture and the table of it.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "report/bars.hpp"
#include "report/html.hpp"
#include "report/layer_times.hpp"
#include "report/rows.hpp"

namespace ditune::report {

// A route beside another one of the same rounds. Quartiles that overlap are a tie.
struct StepComparison {
  const StepRoute* route = nullptr;
  std::string other;  // its name
  double other_ms = 0;
  double ratio = 0;                    // of the route's time to the other's
  Verdict verdict = Verdict::unknown;  // on the route; unknown: they did not take turns
};

// Nothing for the baseline itself, and where no baseline ran.
std::optional<StepComparison> beside_baseline(const StepBenchmark& steps, const StepRoute& route);

// The fastest route that runs operations of ditune, one that took turns with the baseline if there is any; null: none.
const StepRoute* fastest_of_ditune(const StepBenchmark& steps);

// Beside the fastest route of others that took turns with it and is not the baseline.
std::optional<StepComparison> beside_fastest_peer(const StepBenchmark& steps, const StepRoute& route);

bool is_of_device(const StepBenchmark& steps, const Rows& rows);

// The groups of the routes that ran.
std::set<std::size_t> step_groups(const StepBenchmark& steps);

// "bf16-compiled" as it is said: "compiled bf16"
std::string spoken(std::string_view route);

BarChart step_chart(const StepBenchmark& steps);
HtmlTable step_table(const StepBenchmark& steps);

}  // namespace ditune::report
