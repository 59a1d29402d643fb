// SPDX-License-Identifier: Apache-2.0
#include "report/search.hpp"

#include <algorithm>
#include <set>

#include "pictures.hpp"
#include "sample.hpp"

using namespace ditune;
using namespace ditune::report;
using namespace ditune::report::test;

namespace {

Search searched(const Rows& rows) {
  std::vector<const Trial*> trials;
  for (const Trial& trial : rows.trials) trials.push_back(&trial);
  return search_of({sample_gemm(), find_device("RTX 3090")}, trials, &rows.records[0]);
}

}  // namespace

TEST_CASE("a search tells what was tried, measured, failed and ruled out") {
  Rows rows = sample_rows();
  rows.trials.push_back(trial_of(sample_gemm(), kOther, 110));  // again: the last one counts
  const Search search = searched(rows);
  CHECK(search.tried == 3);
  CHECK(search.measured == 2);
  CHECK(search.measured_us == std::vector<double>{120, 100, 110});
  REQUIRE(search.failed.size() == 1);
  CHECK(search.failed[0].name == "wrong at row 3");
  CHECK(search.failed[0].count == 1);
  CHECK(!search.pruned.empty());
  REQUIRE(search.winner);
  CHECK(format(search.winner->config) == kWinner);
  REQUIRE(search.runner_up);
  CHECK(format(search.runner_up->config) == kOther);
  CHECK(search.runner_up->measured_us == 110);
  REQUIRE(search.model_pick);
  CHECK(std::ranges::min(search.candidates, {}, &Variant::predicted_us).predicted_us ==
        search.model_pick->predicted_us);
}

TEST_CASE("a measurement stays beside what was predicted later") {
  Rows rows = sample_rows();
  for (const std::string& config : {kOther, kWinner}) {
    rows.trials.push_back(trial_of(sample_gemm(), config, 1));
    rows.trials.back().source = Source::predicted;
  }
  const Search search = searched(rows);
  CHECK(search.measured == 2);
  REQUIRE(search.winner);
  CHECK(search.winner->measured_us == 100);
  REQUIRE(search.runner_up);
  CHECK(search.runner_up->measured_us == 120);
}

TEST_CASE("a candidate that failed is no runner-up, however fast it was predicted") {
  Rows rows = sample_rows();
  rows.trials.clear();
  const Search before = searched(rows);
  REQUIRE(before.runner_up);
  Trial spills = trial_of(sample_gemm(), format(before.runner_up->config), 100);
  spills.source = Source::predicted;
  spills.measurement.failure = "spills 8 bytes of registers";
  spills.measurement.resources.spill_bytes = 8;
  rows.trials.push_back(spills);
  const Search search = searched(rows);
  CHECK(search.spilled == 1);
  REQUIRE(search.runner_up);
  CHECK(search.runner_up->config != before.runner_up->config);
}

TEST_CASE("each candidate is in the space once") {
  const Search search = searched(sample_rows());
  std::set<std::string> texts;
  for (const Variant& candidate : search.candidates) texts.insert(format(candidate.config));
  CHECK(texts.size() == search.candidates.size());
}

TEST_CASE("maps mark the winner, the runner-up and the model's pick") {
  const Search search = searched(sample_rows());
  const std::vector<HeatMap> maps = heat_maps(search);
  REQUIRE(maps.size() == 2);
  for (const HeatMap& map : maps) {
    std::string marks;
    for (const HeatCell& cell : map.cells) {
      marks += cell.mark;
      CHECK(cell.ratio >= 1);
    }
    for (const char letter : {'W', 'R', 'M'}) CHECK(std::ranges::count(marks, letter) == 1);
    CHECK(std::ranges::count(map.cells, false, &HeatCell::predicted) >= 1);
    check_sound(draw(map, 340));
    check_sound(draw(map, 980));
  }
  CHECK(maps[0].x_name.starts_with("tile_"));
  CHECK(maps[0].y_name.starts_with("tile_"));
}

TEST_CASE("the dimensions that were chosen are the first map, and no other map shows them again") {
  const Search search = searched(sample_rows());
  const std::vector<HeatMap> chosen = heat_maps(search, DimensionPair{"stages", "tile_m"});
  REQUIRE(chosen.size() == 3);
  CHECK(chosen[0].x_name == "stages");
  CHECK(chosen[0].y_name == "tile_m");
  CHECK(chosen[0].cells.size() > 1);
  for (const HeatMap& map : chosen) check_sound(draw(map, 340));
  const HeatMap usual = heat_maps(search)[0];
  CHECK(heat_maps(search, DimensionPair{usual.x_name, usual.y_name}).size() == 2);
  CHECK(heat_maps(search, DimensionPair{"octets", "threads"}).size() == 2);  // of another kind of operation
  // A dimension with one value in this search is drawn if it is asked for.
  CHECK(heat_maps(search, DimensionPair{"family", "tile_m"})[0].x_values == std::vector<std::string>{"mma_s8"});
}

TEST_CASE("the names of dimensions are those of all families, each once") {
  const std::vector<std::string_view> names = dimension_names();
  for (const char* name : {"family", "tile_m", "stages", "octets"}) CHECK(std::ranges::count(names, name) == 1);
  CHECK(is_of_one_family({"family", "tile_m"}));
  CHECK(is_of_one_family({"threads", "octets"}));
  CHECK(!is_of_one_family({"tile_m", "octets"}));
}

TEST_CASE("where nothing was measured there is nothing to plot, and all cells are predicted") {
  const Search search = searched(sample_rows(Source::predicted));
  CHECK(!accuracy_plot(search));
  CHECK(!progress_plot(search));
  for (const HeatMap& map : heat_maps(search)) CHECK(std::ranges::count(map.cells, false, &HeatCell::predicted) == 0);
}

TEST_CASE("the best so far never rises") {
  const auto plot = progress_plot(searched(sample_rows()));
  REQUIRE(plot);
  REQUIRE(plot->series.size() == 2);
  CHECK(std::ranges::is_sorted(plot->series[1].points, std::greater(), &PlotPoint::y));
  check_sound(draw(*plot, 340));
  check_sound(draw(*accuracy_plot(searched(sample_rows())), 340));
}

TEST_CASE("every kind of operation has a search") {
  Rows rows = sample_rows();
  const Operation operation = parse_operation("quantize_s8:m=1024,k=3072,norm=rms");
  rows.records = {record_of(operation, 9, Source::predicted, "registers_s8:threads=128,octets=3")};
  const Search search = search_of({operation, find_device("RTX 3090")}, {}, &rows.records[0]);
  CHECK(!search.candidates.empty());
  for (const HeatMap& map : heat_maps(search)) check_sound(draw(map, 340));
}
