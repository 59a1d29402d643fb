// SPDX-License-Identifier: Apache-2.0
#include "report/steps.hpp"

#include "pictures.hpp"
#include "sample.hpp"

using namespace ditune::report;
using namespace ditune::report::test;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::vector<std::string>& cells_of(const HtmlTable& table, const std::string& route) {
  return std::ranges::find_if(table.rows, [&](const HtmlRow& row) { return row.cells[0] == route; })->cells;
}

}  // namespace

TEST_CASE("the fastest route of ditune is compared with the baseline and with the fastest of the others") {
  const StepBenchmark steps = sample_steps();
  const StepRoute* const fuse = fastest_of_ditune(steps);
  REQUIRE(fuse);
  CHECK(fuse->name == "fuse");
  const auto baseline = beside_baseline(steps, *fuse), peer = beside_fastest_peer(steps, *fuse);
  REQUIRE(baseline);
  CHECK(baseline->other == "bf16-compiled");
  CHECK(baseline->ratio == 0.5);
  CHECK(baseline->verdict == Verdict::faster);
  REQUIRE(peer);
  CHECK(peer->other == "torchao-fp8-compiled");
  CHECK(peer->ratio == 250.0 / 400);
  CHECK(beside_baseline(steps, steps.routes[0])->verdict == Verdict::slower);
  CHECK(!beside_baseline(steps, steps.routes[1]));  // the baseline itself
  CHECK(!beside_baseline(steps, steps.routes[3]));  // did not run
}

TEST_CASE("quartiles that overlap are a tie, and those that do not are none") {
  StepBenchmark steps = sample_steps();
  StepRoute& fuse = steps.routes[5];
  fuse = step_route("fuse", 490, 500, "1 exact");
  fuse.quartiles.high = steps.routes[1].quartiles.low;
  CHECK(beside_baseline(steps, fuse)->verdict == Verdict::tie);
  fuse.quartiles.high -= 0.001;
  CHECK(beside_baseline(steps, fuse)->verdict == Verdict::faster);
}

TEST_CASE("a route that did not take turns with the baseline is not judged") {
  StepBenchmark steps = sample_steps();
  StepRoute& fuse = steps.routes[5];
  fuse.group = 1;
  fuse.is_beside_baseline = false;
  CHECK(beside_baseline(steps, fuse)->verdict == Verdict::unknown);
  CHECK(!beside_fastest_peer(steps, fuse));
  CHECK(fastest_of_ditune(steps)->name == "quantize");  // it did take turns
  CHECK(cells_of(step_table(steps), "fuse")[4] == "not of the same rounds");
}

TEST_CASE("a route of another group is compared with the baseline's rounds there") {
  StepBenchmark steps = sample_steps();
  StepRoute& fuse = steps.routes[5];
  fuse = step_route("fuse", 520, 525, "1 exact");  // the first group's baseline took 500
  fuse.group = 1;
  CHECK(beside_baseline(steps, fuse)->verdict == Verdict::tie);
  const BarChart chart = step_chart(steps);
  REQUIRE(chart.groups.size() == 2);
  CHECK(chart.groups[0].name == "Group 1");
  CHECK(chart.groups[0].bars.size() == 4);
  CHECK(chart.groups[0].line_us == 500'000);
  REQUIRE(chart.groups[1].line_us);
  CHECK(std::abs(*chart.groups[1].line_us - 525'000) < 1);
}

TEST_CASE("the picture has a bar for each route that ran, its quartiles and its ratio") {
  StepBenchmark steps = sample_steps();
  steps.routes[2] = step_route("torchao-fp8-compiled", 499, 500);
  for (const double width : {340.0, 980.0}) {
    const Markup picture = draw(step_chart(steps), width);
    check_sound(picture);
    CHECK(count_of(picture.str(), "class=\"bar-name\"") == 5);
    CHECK(count_of(picture.str(), "class=\"interval\"") == 3 * 5);
    CHECK(count_of(picture.str(), "class=\"mark\"") == 1);
    for (const char* text : {">500 ms, baseline<", ">250 ms, 0.50×<", ">499 ms, 1.00×, tie<"})
      CHECK(has(picture.str(), text));
  }
  CHECK(count_of(draw(step_chart(steps), 980).str(), "with ditune") == 1);
}

TEST_CASE("nothing is said to run without ditune where nobody knows") {
  StepBenchmark steps = sample_steps();
  for (StepRoute& route : steps.routes) route.operations.clear();  // as on the CPU
  CHECK(!fastest_of_ditune(steps));
  const std::string svg = draw(step_chart(steps), 980).str();
  CHECK(!has(svg, "with ditune"));
  CHECK(!has(svg, ">without<"));
}

TEST_CASE("the table has every figure, and says which route did not run") {
  const HtmlTable table = step_table(sample_steps());
  REQUIRE(table.rows.size() == 6);
  for (const HtmlRow& row : table.rows) CHECK(row.cells.size() == table.columns.size());
  CHECK(cells_of(table, "fuse") == std::vector<std::string>{"fuse", "250.0", "247.5–252.5", "0.500", "faster", "4.000",
                                                            "1.500", "27.94", "500.0", "125.0", "0.01000", "40.0", "1",
                                                            "", "", "30 exact, 4 nearest m"});
  CHECK(cells_of(table, "bf16")[10] == "0");
  CHECK(cells_of(table, "bf16")[11] == "equal");
  CHECK(cells_of(table, "comfy-kitchen")[4] == "not run");
}

TEST_CASE("steps without a baseline are drawn, and have no ratio") {
  StepBenchmark steps = sample_steps();
  steps.baseline.clear();
  for (StepRoute& route : steps.routes) {
    route.ratio = 0;
    route.is_beside_baseline = false;
  }
  CHECK(!beside_baseline(steps, steps.routes[5]));
  const BarChart chart = step_chart(steps);
  check_sound(draw(chart, 340));
  CHECK(!chart.groups[0].line_us);
  steps.routes.clear();
  check_sound(draw(step_chart(steps), 340));
}

TEST_CASE("a compiled route is said as people say it") {
  CHECK(spoken("bf16-compiled") == "compiled bf16");
  CHECK(spoken("bf16") == "bf16");
}
