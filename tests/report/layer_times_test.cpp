// SPDX-License-Identifier: Apache-2.0
#include "report/layer_times.hpp"

#include "catch.hpp"
#include "sample.hpp"

using namespace ditune;
using namespace ditune::report;
using namespace ditune::report::test;

TEST_CASE("a winner of the operation on the GPU is a measured time, all else is the cost model's") {
  Rows rows = sample_rows();
  rows.layers.push_back({"other_m", sample_gemm(2048), 2});
  const Library library(rows.records);
  const std::vector<LayerTime> times = layer_times(rows, library);
  REQUIRE(times.size() == 2);
  CHECK(times[0].measured);
  CHECK(times[0].us == 100);
  CHECK(times[0].interval == Range{99, 101});
  CHECK(!times[1].measured);
  CHECK(times[1].us > 0);
  CHECK(!times[1].interval);
  const Total total = total_of(times);
  CHECK(total.us == Approx(300 + 2 * times[1].us));
  CHECK(total.predicted_us == Approx(2 * times[1].us));
  CHECK(total.interval.low == Approx(total.us - 3));
  CHECK(total.unknown.empty());
}

TEST_CASE("an operation that linears share counts once") {
  Rows rows = sample_rows();
  rows.layers.push_back({"first qkv", sample_gemm(), 1});
  rows.layers.push_back({"other_m", sample_gemm(2048), 2});
  rows.benchmarks = {benchmark_of({peer_of("bf16", 2)})};
  TuningRecord there = rows.records[0];
  there.key.device.name = "another GPU";
  rows.records.push_back(there);
  const Total total = total_of(layer_times(rows, Library(rows.records)));
  CHECK(total.measured.size() == 1);
  CHECK(total.operations() == 2);
  CHECK(coverage(total) == "1 of 2 operations measured");
  CHECK(peer_totals(rows)[0].operations.size() == 1);
  CHECK(peer_totals(rows)[0].ditune_us == Approx(400));
  CHECK(other_devices(rows)[0].operations.size() == 1);
}

TEST_CASE("a predicted winner stays a prediction") {
  const Rows rows = sample_rows(Source::predicted);
  const Library library(rows.records);
  const Total total = total_of(layer_times(rows, library));
  CHECK(total.us == 300);
  CHECK(total.predicted_us == 300);
}

TEST_CASE("an interval decides whether a ratio is a tie") {
  CHECK(verdict_on(1.5, Range{1.4, 1.6}) == Verdict::faster);
  CHECK(verdict_on(0.5, Range{0.4, 0.6}) == Verdict::slower);
  CHECK(verdict_on(1.01, Range{0.99, 1.03}) == Verdict::tie);
  CHECK(verdict_on(1.002, Range{1.001, 1.003}) == Verdict::tie);  // within the scatter of one kernel
  CHECK(verdict_on(1.5, {}) == Verdict::unknown);
  CHECK(verdict_on(0, Range{0, 0}) == Verdict::unknown);
}

TEST_CASE("a peer's total is over what it ran, as often as a step has it") {
  Rows rows = sample_rows();
  rows.layers.push_back({"not benched", sample_gemm(2048), 2});
  rows.benchmarks = {benchmark_of({peer_of("bf16", 2, Range{1.9, 2.1}), {.name = "fp8", .reason = "not on this GPU"}}),
                     benchmark_of({peer_of("bf16", 9)})};  // the first file counts
  const std::vector<PeerTotal> totals = peer_totals(rows);
  REQUIRE(totals.size() == 2);
  CHECK(totals[0].name == "bf16");
  CHECK(totals[0].operations.size() == 1);
  CHECK(totals[0].ditune_us == Approx(300));
  CHECK(totals[0].peer_us == Approx(600));
  CHECK(totals[0].ratio == Approx(2));
  REQUIRE(totals[0].interval);
  CHECK(totals[0].interval->low == Approx(1.9));
  CHECK(totals[1].operations.empty());
  CHECK(totals[1].reason == "not on this GPU");
  rows.benchmarks[0].rows[0].device = "another GPU";
  CHECK(peer_totals(rows)[0].ratio == Approx(9));
}

TEST_CASE("two databases are compared by what their intervals say") {
  Rows rows = sample_rows();
  rows.layers = {{"a", sample_gemm(1), 1},
                 {"b", sample_gemm(2), 1},
                 {"c", sample_gemm(3), 1},
                 {"d", sample_gemm(4), 1},
                 {"e", sample_gemm(5), 1}};
  const auto at = [](int m, double us, Source source = Source::measured) {
    return record_of(sample_gemm(m), us, source);
  };
  rows.records = {at(1, 100), at(2, 100), at(3, 100), at(4, 100)};
  rows.against = OtherDatabase{
      .file = "other.db", .records = {at(1, 120), at(2, 80), at(3, 100.5), at(4, 100, Source::predicted), at(5, 10)}};
  const std::vector<Change> all = changes(rows);
  REQUIRE(all.size() == 5);
  CHECK(all[0].verdict == Verdict::faster);
  CHECK(all[1].verdict == Verdict::slower);
  CHECK(all[2].verdict == Verdict::tie);
  CHECK(all[3].verdict == Verdict::unknown);
  CHECK(all[3].ratio == 0);
  CHECK(!all[4].now);
}

TEST_CASE("other GPUs are compared over the operations of both") {
  Rows rows = sample_rows();
  rows.layers.push_back({"here alone", sample_gemm(64), 1});
  rows.records.push_back(record_of(sample_gemm(64), 7));
  TuningRecord there = record_of(sample_gemm(), 50);
  there.key.device.name = "a faster GPU";
  rows.records.push_back(there);
  const std::vector<OtherDevice> others = other_devices(rows);
  REQUIRE(others.size() == 1);
  CHECK(others[0].operations.size() == 1);
  CHECK(others[0].here_us == 300);
  CHECK(others[0].there_us == 150);
  CHECK(others[0].measured);
  // Times at other clocks are not compared.
  rows.records.back().key.regime = Regime::sustained;
  CHECK(other_devices(rows).empty());
}
