// SPDX-License-Identifier: Apache-2.0
// Rows that another program damaged: skipped, counted, and told.
#include "catch.hpp"
#include "core/sha256.hpp"
#include "db/store.hpp"
#include "fixtures.hpp"
#include "gemm.hpp"
#include "tamper.hpp"

using namespace ditune;
using namespace ditune::test;

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
