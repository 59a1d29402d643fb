// SPDX-License-Identifier: Apache-2.0
#include "db/store.hpp"

#include <limits>
#include <utility>

#include "catch.hpp"
#include "core/sha256.hpp"
#include "db/sqlite.hpp"
#include "fixtures.hpp"
#include "gemm.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Changes a stored file as another program might, checks and types aside.
void tamper(const std::filesystem::path& path, const std::string& sql) {
  Database db(path, Database::Mode::read_write);
  db.execute("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; " + sql);
}

}  // namespace

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

TEST_CASE("A tampered row is skipped and counted, the others are returned") {
  const TempFolder folder;
  {
    Store store = Store::open(folder / "t.db");
    store.set_winner(measured_record({16, 4608, 4608}));
    TuningRecord victim = measured_record({17, 13824, 4608});
    victim.config = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=4");
    victim.key.device = {.name = "NVIDIA A10", .sms = 72, .arch = {86}};
    gemm_of(victim.key.operation).epilogue = parse_epilogue("out=f16");
    store.set_winner(victim);
  }
  const std::string sql = GENERATE(
      "UPDATE configs SET config = 'mma_s8:tile=0x0x0,warps=0x0,stages=1' WHERE config LIKE '%64x64x64%'",
      "UPDATE configs SET config = 'mma_s8:stages=4,tile=64x64x64,warps=2x2' WHERE config LIKE '%64x64x64%'",
      "UPDATE configs SET config = 'tensor_core_magic:x=1' WHERE config LIKE '%64x64x64%'",
      "UPDATE operations SET layer = replace(layer, 'k=4608', 'k=131072') WHERE rows = 17",
      "UPDATE operations SET rows = -17 WHERE rows = 17",
      "UPDATE operations SET rows = 9223372036854775807 WHERE rows = 17",
      "UPDATE operations SET layer = replace(layer, 'out=f16', 'op=format_disk') WHERE rows = 17",
      "UPDATE operations SET layer = replace(layer, 'out=f16', '') WHERE rows = 17",
      "UPDATE operations SET layer = replace(layer, 'out=f16', 'out=bf16') WHERE rows = 17",
      "UPDATE operations SET layer = 'k=4608,n=13824,out=f16' WHERE rows = 17",
      "UPDATE operations SET layer = 'm=17,' || layer WHERE rows = 17",
      "UPDATE operations SET layer = '' WHERE rows = 17", "UPDATE operations SET kind = 'copy' WHERE rows = 17",
      "UPDATE devices SET sms = 4294967297 WHERE arch = 86 AND sms = 72",
      "UPDATE devices SET name = 'A10' || char(10) WHERE sms = 72", "UPDATE devices SET arch = 1 WHERE sms = 72",
      "UPDATE winners SET median_us = -1.0 WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET median_us = 9e999 WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET median_us = NULL WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET source = 'predicted' WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET source = 'dreamt' WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET registers = -5 WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET low_us = 42.0 WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET high_us = 41.0 WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET power_w = -41.0 WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET regime = 'lukewarm' WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET tied = '[' WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET tied = '{}' WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET tied = '[1]' WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET tied = '[\"mma_s8:tile=0\"]' WHERE operation_id = (SELECT id FROM operations WHERE rows = "
      "17)",
      "UPDATE winners SET tied = '[\"mma_s8:stages=4,tile=64x64x64,warps=2x2\"]' WHERE operation_id = "
      "(SELECT id FROM operations WHERE rows = 17)",
      "UPDATE winners SET config_id = 12345 WHERE operation_id = (SELECT id FROM operations WHERE rows = 17)",
      "DELETE FROM devices WHERE sms = 72");
  tamper(folder / "t.db", sql);
  const Store store = Store::open_read_only(folder / "t.db");
  const std::vector<TuningRecord> winners = store.winners();
  INFO(sql);
  REQUIRE(winners.size() == 1);
  CHECK(same(winners[0], measured_record({16, 4608, 4608})));
  REQUIRE(store.skipped_rows() == 1);
  const SkippedRow& skipped = store.skipped()[0];
  CHECK(skipped.table == "winners");
  CHECK(skipped.id == 2);
  CHECK(skipped.reason.ends_with(")"));
}

TEST_CASE("A skipped row is told by as much of it as can be read, and is counted where it is asked for") {
  const TempFolder folder;
  const TuningRecord record = measured_record({17, 13824, 4608});
  Store::open(folder / "t.db").set_winner(record);
  RecordFilter other, its;
  other.operation = Gemm{16, 13824, 4608};
  its.operation = record.key.operation;
  tamper(folder / "t.db", "UPDATE winners SET registers = -5");
  {
    const Store store = Store::open_read_only(folder / "t.db");
    CHECK(store.winners(other).empty());
    CHECK(store.skipped().empty());
    CHECK(store.winners(its).empty());
    REQUIRE(store.skipped().size() == 1);
    const SkippedRow& row = store.skipped()[0];
    CHECK(row.device == record.key.device.name);
    CHECK(row.kind == "gemm_s8");
    CHECK(row.layer == "n=13824,k=4608");
    CHECK(row.rows == 17);
    CHECK(row.reason == "a number of registers or bytes is negative (tune it again)");
  }
  tamper(folder / "t.db", "UPDATE operations SET layer = 'any text', rows = -17");
  const Store store = Store::open_read_only(folder / "t.db");
  CHECK(store.winners().empty());
  REQUIRE(store.skipped().size() == 1);
  CHECK(store.skipped()[0].layer == "any text");
  CHECK(store.skipped()[0].rows == -17);
}

TEST_CASE("A trial with tampered samples is skipped and counted") {
  const TempFolder folder;
  Store::open(folder / "t.db").add(sample_trial());
  const std::string samples = GENERATE("not json", "[1, 2", "{}", "[\"1\"]", "[-1.0]", "[1e999]", "[[[[[[[[1]]]]]]]]");
  tamper(folder / "t.db", "UPDATE trials SET samples_us = '" + samples + "'");
  const Store store = Store::open_read_only(folder / "t.db");
  CHECK(store.trials().empty());
  REQUIRE(store.skipped_rows() == 1);
  CHECK(store.skipped()[0].table == "trials");
}

TEST_CASE("A cubin whose bytes do not match its hash is not returned") {
  const TempFolder folder;
  Store::open(folder / "t.db").set_winner(measured_record(), "cubin");
  tamper(folder / "t.db", "UPDATE cubins SET image = x'00'");
  const Store store = Store::open_read_only(folder / "t.db");
  CHECK(store.winners().size() == 1);
  CHECK(store.cubin(sha256("cubin")) == "");
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
