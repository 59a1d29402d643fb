// SPDX-License-Identifier: Apache-2.0
#include "db/store.hpp"

#include <limits>
#include <utility>

#include "catch.hpp"
#include "core/sha256.hpp"
#include "fixtures.hpp"
#include "gemm.hpp"
#include "tamper.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("Trials come back as they were added, in order, after the file was closed") {
  const TempFolder folder;
  const Trial measured = sample_trial();
  Trial failed = sample_trial({17, 13824, 4608});
  failed.measurement = {};
  failed.measurement.resources = {.registers = 255, .spill_bytes = 1200, .shared_bytes = 0};
  failed.measurement.failure = "3 of 4608 outputs differ from the reference";
  failed.predicted_us = 0;
  Trial sustained = sample_trial();
  sustained.key.regime = Regime::sustained;
  sustained.measurement.power_w = 349.5;
  Trial predicted = sample_trial({1, 1, 1});
  predicted.source = Source::predicted;
  predicted.measurement = {};
  predicted.measurement.resources.registers = 96;
  gemm_of(predicted.key.operation).epilogue = parse_epilogue("sx=tensor,bias=f16,out=f32");
  for (const Trial* trial : {&measured, &std::as_const(failed), &std::as_const(predicted), &std::as_const(sustained)})
    Store::open(folder / "t.db").add(*trial);

  const Store store = Store::open_read_only(folder / "t.db");
  const std::vector<Trial> trials = store.trials();
  REQUIRE(trials.size() == 4);
  CHECK(same(trials[3], sustained));
  CHECK(same(trials[0], measured));
  CHECK(same(trials[1], failed));
  CHECK(same(trials[2], predicted));
  CHECK(store.skipped_rows() == 0);
}

TEST_CASE("A reason is stored as one line of plain text") {
  const TempFolder folder;
  Store store = Store::open(folder / "t.db");
  Trial trial = sample_trial();
  trial.measurement = {};
  trial.measurement.failure = "ptxas: error\nline 2 \xff";
  store.add(trial);
  REQUIRE(store.trials().size() == 1);
  CHECK(store.trials()[0].measurement.failure == "ptxas: error line 2  ");
}

TEST_CASE("A winner comes back with where it came from and its cubin") {
  const TempFolder folder;
  const std::string cubin(
      "\x7f"
      "ELF\0\xff made up",
      14);
  TuningRecord record = measured_record();
  record.key.regime = Regime::sustained;
  record.power_w = 349.5;
  record.tied = {parse_config("mma_s8:tile=128x128x64,warps=2x4,stages=4"),
                 parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=4")};
  REQUIRE(Store::open(folder / "deep/er/t.db").set_winner(record, cubin));

  const Store store = Store::open_read_only(folder / "deep/er/t.db");
  record.cubin_hash = sha256(cubin);
  REQUIRE(store.winners().size() == 1);
  CHECK(same(store.winners()[0], record));
  CHECK(store.cubin(record.cubin_hash) == cubin);
  CHECK(store.cubin("0000") == "");
}

TEST_CASE("Each regime has its winner") {
  const TempFolder folder;
  Store store = Store::open(folder / "t.db");
  TuningRecord sustained = measured_record({256, 4608, 4608}, 50);
  sustained.key.regime = Regime::sustained;
  store.set_winner(sustained, "sustained");
  store.set_winner(measured_record(), "burst");
  CHECK(store.winners().size() == 2);
  CHECK(store.cubin(sha256("sustained")) == "sustained");
  TuningRecord predicted = predicted_record();
  predicted.key.regime = Regime::sustained;
  CHECK_FALSE(store.set_winner(predicted));
  RecordFilter burst, sustained_only;
  burst.regime = Regime::burst;
  sustained_only.regime = Regime::sustained;
  REQUIRE(store.winners(burst).size() == 1);
  CHECK(store.winners(burst)[0].median_us == 41.5);
  REQUIRE(store.winners(sustained_only).size() == 1);
  CHECK(store.winners(sustained_only)[0].median_us == 50);
  store.add(sample_trial());
  CHECK(store.trials(burst).size() == 1);
  CHECK(store.trials(sustained_only).empty());
}

TEST_CASE("A new winner replaces the old one and its cubin") {
  const TempFolder folder;
  Store store = Store::open(folder / "t.db");
  store.set_winner(measured_record(), "old");
  store.set_winner(measured_record({256, 4608, 4608}, 39.5), "new");
  REQUIRE(store.winners().size() == 1);
  CHECK(store.winners()[0].median_us == 39.5);
  CHECK(store.cubin(sha256("new")) == "new");
  CHECK(store.cubin(sha256("old")) == "");
}

TEST_CASE("Winners share a cubin until the last of them lets go") {
  const TempFolder folder;
  Store store = Store::open(folder / "t.db");
  store.set_winner(measured_record({16, 4608, 4608}), "shared");
  TuningRecord second = measured_record({17, 4608, 4608});
  second.cubin_hash = sha256("shared");
  store.set_winner(second);  // by hash alone
  store.set_winner(measured_record({16, 4608, 4608}));
  CHECK(store.cubin(sha256("shared")) == "shared");
  second.cubin_hash = sha256("nowhere");
  store.set_winner(second);
  CHECK(store.cubin(sha256("shared")) == "");
  for (const TuningRecord& record : store.winners()) CHECK(record.cubin_hash == "");
}

TEST_CASE("A predicted winner never replaces a measured one, a measured one always replaces a predicted one") {
  const TempFolder folder;
  Store store = Store::open(folder / "t.db");
  CHECK(store.set_winner(predicted_record()));
  CHECK(store.set_winner(predicted_record({256, 4608, 4608}, 30)));
  CHECK(store.set_winner(measured_record({256, 4608, 4608}, 99)));
  CHECK_FALSE(store.set_winner(predicted_record({256, 4608, 4608}, 1)));
  REQUIRE(store.winners().size() == 1);
  CHECK(store.winners()[0].source == Source::measured);
  CHECK(store.winners()[0].median_us == 99);
}

TEST_CASE("A measured winner that does not validate is no obstacle to a predicted one") {
  const TempFolder folder;
  Store::open(folder / "t.db").set_winner(measured_record());
  tamper(folder / "t.db", "UPDATE winners SET median_us = -1.0");
  CHECK(Store::open(folder / "t.db").set_winner(predicted_record()));
}

TEST_CASE("A winner of an older template stays beside the new one") {
  const TempFolder folder;
  Store store = Store::open(folder / "t.db");
  TuningRecord stale = measured_record();
  stale.key.template_hash = "ffffffffffffffff";
  store.set_winner(stale, "stale");
  store.set_winner(predicted_record());
  CHECK(store.winners().size() == 2);
  CHECK(store.cubin(sha256("stale")) == "stale");
}

TEST_CASE("A card of an arch newer than what is known has its trials and winners too") {
  const TempFolder folder;
  TuningRecord record = measured_record();
  record.key.device = {.name = "NVIDIA B300", .sms = 148, .arch = {103}};
  Trial trial = sample_trial();
  trial.key = record.key;
  {
    Store store = Store::open(folder / "t.db");
    store.add(trial);
    store.set_winner(record);
  }
  const Store store = Store::open_read_only(folder / "t.db");
  REQUIRE(store.trials().size() == 1);
  CHECK(same(store.trials()[0], trial));
  REQUIRE(store.winners().size() == 1);
  CHECK(same(store.winners()[0], record));
}

TEST_CASE("A filter selects by device, arch, problem and epilogue") {
  const TempFolder folder;
  Store store = Store::open(folder / "t.db");
  TuningRecord other = measured_record({1, 2, 3});
  other.key.device = {.name = "NVIDIA A10", .sms = 72, .arch = {86}};
  TuningRecord hopper = measured_record();
  hopper.key.device = {.name = "NVIDIA H100 80GB HBM3", .sms = 132, .arch = {90}};
  gemm_of(hopper.key.operation).epilogue = parse_epilogue("out=f16");
  for (const TuningRecord& record : {measured_record(), other, hopper}) store.set_winner(record);

  const auto count = [&](const RecordFilter& filter) { return store.winners(filter).size(); };
  RecordFilter device, arch, operation, nothing;
  device.device = other.key.device;
  arch.arch = SmArch{86};
  operation.operation = hopper.key.operation;
  nothing.device = other.key.device;
  nothing.arch = SmArch{90};
  CHECK(count({}) == 3);
  CHECK(count(device) == 1);
  CHECK(count(arch) == 2);
  CHECK(count(operation) == 1);
  CHECK(count(nothing) == 0);
}

// So that asking for each problem of a long list takes time in proportion to the list, not to its square.
TEST_CASE("Asking for one problem reads no row of another") {
  const TempFolder folder;
  Trial trial = sample_trial();
  {
    Store store = Store::open(folder / "t.db");
    for (const std::int64_t m : {16, 17}) {
      store.set_winner(measured_record({m, 4608, 4608}));
      trial.key.operation = Gemm{m, 4608, 4608};
      store.add(trial);
    }
  }
  tamper(folder / "t.db", "UPDATE winners SET median_us = -1.0 WHERE operation_id = 2");
  tamper(folder / "t.db", "UPDATE trials SET median_us = -1.0 WHERE operation_id = 2");
  const Store store = Store::open_read_only(folder / "t.db");
  RecordFilter filter;
  const auto check = [&](std::size_t rows, int skipped) {
    CHECK(store.winners(filter).size() == rows);
    CHECK(store.skipped_rows() == skipped);
    CHECK(store.trials(filter).size() == rows);
    CHECK(store.skipped_rows() == skipped);
  };
  check(1, 1);
  filter.operation = Gemm{16, 4608, 4608};
  check(1, 0);
  filter.operation = Gemm{17, 4608, 4608};
  check(0, 1);
}

TEST_CASE("What could not be read back is not written") {
  const TempFolder folder;
  Store store = Store::open(folder / "t.db");
  const auto refused = [&](auto change) {
    TuningRecord record = measured_record();
    change(record);
    CHECK_THROWS_AS(store.set_winner(record), UsageError);
  };
  refused([](TuningRecord& r) { r.median_us = 0; });
  refused([](TuningRecord& r) { r.median_us = std::numeric_limits<double>::quiet_NaN(); });
  refused([](TuningRecord& r) { r.source = Source::predicted; });  // with a measured time
  refused([](TuningRecord& r) { r.low_us = 42; });
  refused([](TuningRecord& r) { r.high_us = 41; });
  refused([](TuningRecord& r) { r.low_us = -1; });
  refused([](TuningRecord& r) { r.power_w = -1; });
  refused([](TuningRecord& r) { r.tied = {r.config}; });
  refused([](TuningRecord& r) {
    r.tied = {parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=4"),
              parse_config("mma_s8:tile=128x128x64,warps=2x4,stages=4")};  // in another order
  });
  refused([](TuningRecord& r) { gemm_of(r.key.operation).k = kMaxK + 1; });
  refused([](TuningRecord& r) { r.key.device.name = "GPU\x1b[31m"; });
  refused([](TuningRecord& r) { r.key.device.arch = {75}; });
  refused([](TuningRecord& r) { r.key.template_hash = ""; });
  refused([](TuningRecord& r) { r.resources.registers = -1; });
  Trial failed_with_times = sample_trial();
  failed_with_times.measurement.failure = "differs from the reference";
  CHECK_THROWS_AS(store.add(failed_with_times), UsageError);
  CHECK(store.winners().empty());
  CHECK(store.trials().empty());
}

TEST_CASE("copy_to copies a live file whole, and never over another") {
  const TempFolder folder;
  Store store = Store::open(folder / "t.db");
  store.set_winner(measured_record(), "cubin");
  store.add(sample_trial());
  store.copy_to(folder / "copy.db");
  const Store copy = Store::open_read_only(folder / "copy.db");
  CHECK(copy.winners().size() == 1);
  CHECK(copy.trials().size() == 1);
  CHECK(copy.cubin(sha256("cubin")) == "cubin");
  CHECK_FALSE(std::filesystem::exists(folder / "copy.db-wal"));
  CHECK_THROWS_AS(store.copy_to(folder / "copy.db"), DbError);
  CHECK_THROWS_AS(store.copy_to(folder / "no/such/folder.db"), DbError);
}

TEST_CASE("A copy of a store opened for reading can be taken too") {
  const TempFolder folder;
  Store::open(folder / "t.db").set_winner(measured_record());
  Store::open_read_only(folder / "t.db").copy_to(folder / "copy.db");
  CHECK(Store::open(folder / "copy.db").winners().size() == 1);
}
