// SPDX-License-Identifier: Apache-2.0
#include "db/header_rows.hpp"

#include "catch.hpp"
#include "ditune/error.hpp"
#include "error_of.hpp"
#include "fixtures.hpp"
#include "gemm.hpp"
#include "lookup/serving.hpp"
#include "templates/embedded.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

TuningRecord current(TuningRecord record) {
  record.key.template_hash = template_hash("mma_s8");
  return record;
}

TuningRecord at_m(std::int64_t m, double median_us = 10) {
  return current(measured_record({m, 4608, 4608}, median_us));
}

}  // namespace

TEST_CASE("The border between two tuned M is their geometric mean, the ends are open") {
  const auto rows = header_rows({at_m(4096), at_m(16), at_m(17), at_m(64)});
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].m_first == 1);
  CHECK(rows[0].m_last == 16);  // sqrt(16 * 17) = 16.49
  CHECK(rows[1].m_first == 17);
  CHECK(rows[1].m_last == 32);   // sqrt(17 * 64) = 32.98
  CHECK(rows[2].m_last == 511);  // sqrt(64 * 4096) = 512 is as near to both: the larger takes it
  CHECK(rows[3].m_first == 512);
  CHECK(rows[3].m_last == kMaxExtent);
}

TEST_CASE("A row ends where its config stops being legal") {
  // Split-K needs an int32 of workspace for every output, and there is a bound on that.
  TuningRecord record = at_m(16);
  record.config = parse_config("mma_s8:tile=128x128x64,warps=2x4,stages=3,split_k=4");
  const auto rows = header_rows({record});
  REQUIRE(rows.size() == 1);
  Target target = target_of(record.key);
  gemm_of(target.operation).m = rows[0].m_last;
  CHECK(rows[0].m_last < kMaxExtent);
  CHECK_FALSE(refusal(record.config, target));
  ++gemm_of(target.operation).m;
  CHECK(refusal(record.config, target));
}

TEST_CASE("A measured record counts before a predicted one, then the faster") {
  const TuningRecord predicted = current(predicted_record({16, 4608, 4608}, 1));
  auto rows = header_rows({predicted, at_m(16, 9), at_m(16, 8), predicted});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].record.source == Source::measured);
  CHECK(rows[0].record.median_us == 8);
  rows = header_rows({predicted});
  CHECK(rows[0].record.source == Source::predicted);
}

TEST_CASE("Of two regimes the one that is asked for counts, and either where it is alone") {
  TuningRecord sustained = at_m(16, 10);
  sustained.key.regime = Regime::sustained;
  const std::vector<TuningRecord> both{sustained, at_m(16, 9)};
  REQUIRE(header_rows(both).size() == 1);
  CHECK(header_rows(both)[0].record.median_us == 9);
  CHECK(header_rows(both, Regime::sustained)[0].record.median_us == 10);
  CHECK(header_rows({sustained})[0].record.median_us == 10);
}

TEST_CASE("A row begins where its config starts being legal, and the one before it serves until there") {
  const auto hopper = [](std::int64_t m, const char* config) {
    TuningRecord record = measured_record({m, 4608, 128});
    record.key.device = {.name = "NVIDIA H100 80GB HBM3", .sms = 132, .arch = {90}};
    record.config = parse_config(config);
    record.key.template_hash = template_hash(family_name(record.config));
    return record;
  };
  // Its 132 CTAs share 18 tiles of one K step for each 128 rows: from 8 times 128 rows on each has a part.
  const TuningRecord shared = hopper(4352, "wgmma_s8:tile=128x256,stages=3,decomposition=stream_k");
  auto rows = header_rows({hopper(16, "mma_s8:tile=16x64x64,warps=1x2,stages=4"), shared});
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].m_first == 1);
  CHECK(rows[0].m_last == 7 * 128);
  CHECK(rows[1].m_first == 7 * 128 + 1);
  rows = header_rows({shared});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].m_first == 7 * 128 + 1);
}

TEST_CASE("Records of an older template are left out") {
  TuningRecord stale = at_m(16);
  stale.key.template_hash = "0000000000000000";
  CHECK(header_rows({stale, at_m(64)}).size() == 1);
  CHECK(contains(error_of<Error>([&] { header_rows({stale}); }), "older kernels"));
  CHECK(contains(error_of<Error>([&] { header_rows({}); }), "nothing to export"));
}

TEST_CASE("A config that the device refuses and a time that is none are not exported") {
  TuningRecord record = at_m(16);
  record.config = parse_config("mma_s8:tile=256x256x256,warps=2x4,stages=8");
  CHECK_THROWS_AS(header_rows({record}), UsageError);
  CHECK_THROWS_AS(header_rows({at_m(16, -1)}), UsageError);
}

TEST_CASE("A card of an arch newer than what is known has the limits of the one that it runs as") {
  TuningRecord record = at_m(16);
  record.key.device = {.name = "NVIDIA B300", .sms = 148, .arch = {103}};
  const Target target = target_of(record.key);
  CHECK(target.device.arch == SmArch{103});
  CHECK(target.device.name == "NVIDIA B300");
  CHECK(target.device.shared_per_sm == reference_device({100}).shared_per_sm);
  CHECK(header_rows({record}).size() == 1);
}

TEST_CASE("Devices and epilogues have rows of their own") {
  TuningRecord other_device = at_m(64), other_epilogue = at_m(64);
  other_device.key.device.name = "NVIDIA RTX A6000";
  other_device.key.device.sms = 84;
  gemm_of(other_epilogue.key.operation).epilogue = parse_epilogue("out=f16");
  const auto rows = header_rows({at_m(16), other_device, other_epilogue});
  REQUIRE(rows.size() == 3);
  for (const HeaderRow& row : rows) {
    CHECK(row.m_first == 1);
    CHECK(row.m_last == kMaxExtent);
  }
}
