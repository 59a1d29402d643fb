// SPDX-License-Identifier: Apache-2.0
#include "report/row_curve.hpp"

#include <algorithm>

#include "pictures.hpp"
#include "sample.hpp"

using namespace ditune;
using namespace ditune::report;
using namespace ditune::report::test;

TEST_CASE("a cliff is where a larger M would be faster by more than a tenth") {
  const auto point = [](std::int64_t m, double us) { return RowPoint{.m = m, .us = us, .interval = {}, .config = {}}; };
  CHECK(cliffs_of(std::vector{point(64, 10), point(128, 9.2), point(192, 11)}).empty());
  const std::vector<Cliff> cliffs = cliffs_of(std::vector{point(64, 20), point(128, 10), point(129, 9), point(400, 1)});
  REQUIRE(cliffs.size() == 2);
  CHECK(cliffs[0].m == 64);
  CHECK(cliffs[0].m_faster == 129);  // 192 would be the last
  CHECK(cliffs[0].ratio == Approx(20.0 / 9));
  CHECK(cliffs[1].m == 128);
  CHECK(cliffs_of({}).empty());
}

TEST_CASE("a curve goes through the M that was tuned and covers others") {
  Rows rows = sample_rows();
  rows.records.push_back(record_of(sample_gemm(64), 20));
  const Library library(rows.records);
  const std::vector<RowCurve> curves = row_curves(rows, library, 4);
  REQUIRE(curves.size() == 1);
  const RowCurve& curve = curves[0];
  CHECK(curve.tuned.size() == 2);
  CHECK(curve.measured);
  for (const RowPoint& tuned : curve.tuned) {
    const auto expected = std::ranges::find(curve.expected, tuned.m, &RowPoint::m);
    REQUIRE(expected != curve.expected.end());
    CHECK(expected->us == Approx(tuned.us));
  }
  CHECK(curve.expected.size() > 20);
  CHECK(std::ranges::is_sorted(curve.expected, {}, &RowPoint::m));
  check_sound(draw(row_plot(curve), 340));
}

TEST_CASE("a benchmark of many M is what cliffs are judged by") {
  Rows rows = sample_rows();
  Benchmark sweep{.file = "bench.json", .rows = {}};
  for (int i = 1; i <= 20; ++i)
    sweep.rows.push_back(
        {.operation = sample_gemm(64 * i), .device = rows.device.name, .us = i == 7 ? 900.0 : 10.0 * i});
  rows.benchmarks = {sweep};
  const Library library(rows.records);
  const RowCurve curve = row_curves(rows, library, 1).at(0);
  CHECK(curve.cliffs_measured);
  REQUIRE(curve.cliffs.size() == 1);
  CHECK(curve.cliffs[0].m == 64 * 7);
}

TEST_CASE("a predicted winner's curve is drawn as predicted") {
  const Rows rows = sample_rows(Source::predicted);
  const Library library(rows.records);
  const std::vector<RowCurve> curves = row_curves(rows, library, 4);
  REQUIRE(curves.size() == 1);
  CHECK(!curves[0].measured);
  for (const PlotSeries& series : row_plot(curves[0]).series) CHECK(series.predicted);
}
