// SPDX-License-Identifier: Apache-2.0
#include "lookup/serving.hpp"

#include <algorithm>

#include "catch.hpp"
#include "core/kind.hpp"
#include "db/fixtures.hpp"
#include "generator/cost_model.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const DeviceInfo& kCard = find_device("RTX 3090");
const KernelConfig kBig = parse_config("mma_s8:tile=128x256x64,warps=2x4,stages=3");
const KernelConfig kSmall = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3");

Target at(std::int64_t m) { return {Gemm{m, 4608, 4608}, kCard}; }

// Measured as the model has it, times `factor`.
TuningRecord winner(std::int64_t m, const KernelConfig& config, double factor = 1) {
  TuningRecord record = measured_record({m, 4608, 4608}, factor * predict(config, at(m)).total_us);
  record.key.device = device_class(kCard);
  record.config = config;
  return record;
}

std::vector<Served> ranges_of(const std::vector<TuningRecord>& winners) {
  std::vector<const TuningRecord*> pointers;
  for (const TuningRecord& record : winners) pointers.push_back(&record);
  return serve(pointers, kCard);
}

const TuningRecord* who_serves(const std::vector<Served>& ranges, std::int64_t m) {
  const auto range = std::ranges::find_if(ranges, [&](const Served& r) { return r.m_first <= m && m <= r.m_last; });
  return range == ranges.end() ? nullptr : range->winner;
}

}  // namespace

TEST_CASE("serve: between two winners that differ the faster one serves, by the model at the end of each step") {
  const std::vector<TuningRecord> winners{winner(64, kSmall), winner(2048, kBig)};
  const std::vector<Served> ranges = ranges_of(winners);
  int low = 0, high = 0;
  for (std::int64_t m = 65; m < 2048; ++m) {
    const std::int64_t asked = std::min<std::int64_t>(2047, (m + 63) / 64 * 64);
    const bool is_low = predict(kSmall, at(asked)).total_us < predict(kBig, at(asked)).total_us;
    INFO(m);
    REQUIRE(who_serves(ranges, m) == &winners[is_low ? 0 : 1]);
    (is_low ? low : high) += 1;
  }
  CHECK(low > 0);
  CHECK(high > 0);
  CHECK(who_serves(ranges, 1) == &winners[0]);
  CHECK(who_serves(ranges, 64) == &winners[0]);
  CHECK(who_serves(ranges, 2048) == &winners[1]);
  CHECK(who_serves(ranges, kMaxExtent) == &winners[1]);
}

TEST_CASE("serve: below the first and up to four times the last m the faster one serves, and that one from there on") {
  const std::vector<TuningRecord> winners{winner(1024, kSmall), winner(2048, kBig)};
  const std::vector<Served> ranges = ranges_of(winners);
  CHECK(predict(kSmall, at(16)).total_us < predict(kBig, at(16)).total_us);
  CHECK(who_serves(ranges, 16) == &winners[0]);
  const std::vector<TuningRecord> swapped{winner(16, kBig), winner(128, kSmall)};
  const std::vector<Served> others = ranges_of(swapped);
  CHECK(who_serves(others, 128) == &swapped[1]);
  CHECK(who_serves(others, 4 * 128) == &swapped[0]);
  CHECK(who_serves(others, 4 * 128 + 1) == &swapped[0]);
  CHECK(who_serves(others, 1'000'000) == &swapped[0]);
}

// The model has kBig take 2.04 times what kSmall takes at 16, 0.61 times at 512, 0.64 at 1024 and 0.68 at 4096.
TEST_CASE("serve: beyond another winner's m it takes what the model says has changed since to be ahead of it") {
  const std::vector<TuningRecord> winners{winner(512, kBig), winner(1024, kSmall)};
  const std::vector<Served> ranges = ranges_of(winners);
  for (const std::int64_t m : {1025, 2048, 4096, 4097}) CHECK(who_serves(ranges, m) == &winners[1]);
  CHECK(who_serves(ranges, 511) == &winners[0]);
  CHECK(who_serves(ranges, 16) == &winners[1]);
}

TEST_CASE("serve: what a winner was measured to take corrects what the model thinks of it") {
  const auto count_of_low = [](double factor) {
    const std::vector<TuningRecord> winners{winner(64, kSmall, factor), winner(2048, kBig)};
    const std::vector<Served> ranges = ranges_of(winners);
    int count = 0;
    for (std::int64_t m = 65; m < 2048; ++m) count += who_serves(ranges, m) == &winners[0];
    return count;
  };
  CHECK(count_of_low(0.01) == 2047 - 64);
  CHECK(count_of_low(100) == 0);
  CHECK(count_of_low(1.1) <= count_of_low(1));
  CHECK(count_of_low(1) <= count_of_low(0.9));
}

TEST_CASE("serve: times of different regimes are not compared") {
  std::vector<TuningRecord> winners{winner(64, kSmall), winner(2048, kBig)};
  const std::vector<Served> same = ranges_of(winners);
  winners[0].median_us *= 100;
  winners[0].key.regime = Regime::sustained;
  const std::vector<Served> other = ranges_of(winners);
  CHECK(other == same);
}

TEST_CASE("serve: ranges are in order, do not overlap and leave nothing out") {
  std::vector<TuningRecord> winners;
  for (const std::int64_t m : {1, 16, 17, 64, 256, 1024, 2304, 4096, 6144})
    winners.push_back(winner(m, winners.size() % 2 == 0 ? kSmall : kBig, 1 + 0.01 * static_cast<double>(m % 7)));
  const std::vector<Served> ranges = ranges_of(winners);
  CHECK(ranges.front().m_first == 1);
  CHECK(ranges.back().m_last > 1'000'000'000);  // a grid has a bound
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    CHECK(ranges[i].m_first == ranges[i - 1].m_last + 1);
    CHECK(ranges[i].winner != ranges[i - 1].winner);
  }
  for (const TuningRecord& record : winners) CHECK(who_serves(ranges, rows(record.key.operation)) == &record);
}

TEST_CASE("serve: a predicted winner beside measured ones serves its own m alone") {
  std::vector<TuningRecord> winners{winner(64, kSmall), winner(1000, kBig), winner(2048, kSmall)};
  winners[1].source = Source::predicted;
  const std::vector<Served> ranges = ranges_of(winners);
  CHECK(who_serves(ranges, 1000) == &winners[1]);
  CHECK(who_serves(ranges, 999) != &winners[1]);
  CHECK(who_serves(ranges, 1001) == &winners[2]);
  for (TuningRecord& record : winners) record.source = Source::predicted;
  CHECK(who_serves(ranges_of(winners), 1100) != nullptr);
}

TEST_CASE("serve: where nothing is known of the device the nearer m serves") {
  DeviceInfo unknown = kCard;
  unknown.mma_s8_per_clock = unknown.l2_gbps = unknown.dram_gbps = unknown.sm_clock_mhz = 0;
  const std::vector<TuningRecord> winners{winner(64, kSmall), winner(4096, kBig)};
  const std::vector<const TuningRecord*> pointers{&winners[0], &winners[1]};
  const std::vector<Served> ranges = serve(pointers, unknown);
  CHECK(who_serves(ranges, 448) == &winners[0]);  // 512 is as near to both: steps of 64 before it
  CHECK(who_serves(ranges, 520) == &winners[1]);
}

TEST_CASE("serve: a card that is known has its own figures, another those of its arch") {
  TuningKey key = winner(64, kSmall).key;
  key.device = device_class(find_device("RTX 4090"));
  CHECK(target_of(key).device == find_device("RTX 4090"));
  key.device = {.name = "NVIDIA RTX 6000 Ada", .sms = 142, .arch = {89}};
  DeviceInfo expected = reference_device(SmArch{89});
  const auto known = std::ranges::find(known_devices(), key.device.name, &DeviceInfo::name);
  if (known != known_devices().end()) expected = *known;
  expected.name = key.device.name;
  expected.sms = 142;
  CHECK(target_of(key).device == expected);
}

// On an H200 passes_s8 took 29.9 us at 4096 and the winner of 512 32.3 us, of which the model thinks the contrary.
TEST_CASE("serve: a winner that lost at the last m does not come back above it") {
  const DeviceInfo& card = find_device("NVIDIA H200");
  const Operation layer =
      parse_operation("quantize_s8:m=512,k=6144,norm=rms_head,weight=plain,out=bf16,head=128,rope=pairs");
  const auto winner_at = [&](std::int64_t m, const char* config, double us) {
    TuningRecord record = measured_record({}, us);
    record.key.operation = with_rows(layer, m);
    record.key.device = device_class(card);
    record.config = parse_config(config);
    return record;
  };
  const std::vector<TuningRecord> winners{
      winner_at(512, "registers_s8:threads=256,octets=3,ctas=2,launch=dependent", 5.180),
      winner_at(4096, "passes_s8:threads=256,launch=dependent", 29.907)};
  const std::vector<const TuningRecord*> pointers{&winners[0], &winners[1]};
  const std::vector<Served> ranges = serve(pointers, card);
  REQUIRE(ranges.size() == 2);
  CHECK(ranges[0].winner == &winners[0]);
  CHECK(ranges[1].winner == &winners[1]);
  CHECK(ranges[1].m_last > 1'000'000);
}

// Winners of 3840x3840 on an H100, and which of them was fastest at M between in the same rounds.
TEST_CASE("serve: between winners of an H100 the one that was measured to be fastest serves") {
  struct Own {
    std::int64_t m;
    const char* config;
    double us;
  };
  std::vector<TuningRecord> winners;
  for (const auto& [m, config, us] :
       std::vector<Own>{{256, "tile=128x64,stages=8,launch=dependent", 9.636},
                        {1024, "tile=128x128,stages=6,consumers=pingpong,launch=dependent", 22.16},
                        {2304, "tile=128x176,stages=5,consumers=pingpong,launch=dependent", 43.75},
                        {4096, "tile=128x192,stages=5,consumers=pingpong,staging=1,launch=dependent", 72.77},
                        {6144, "tile=128x192,stages=5,consumers=pingpong,staging=1,launch=dependent", 113.9}}) {
    TuningRecord record = measured_record({m, 3840, 3840}, us);
    record.key.device = device_class(find_device("H100"));
    record.config = parse_config(std::string("wgmma_s8:") + config);
    winners.push_back(record);
  }
  std::vector<const TuningRecord*> pointers;
  for (const TuningRecord& record : winners) pointers.push_back(&record);
  const std::vector<Served> ranges = serve(pointers, find_device("H100"));
  for (const auto& [m, fastest] : std::vector<std::pair<std::int64_t, std::int64_t>>{{181, 256},
                                                                                     {724, 2304},
                                                                                     {1400, 2304},
                                                                                     {1731, 1024},
                                                                                     {2700, 1024},
                                                                                     {3500, 4096},
                                                                                     {4429, 4096},
                                                                                     {4700, 4096},
                                                                                     {5120, 6144},
                                                                                     {5300, 6144},
                                                                                     {5777, 6144},
                                                                                     {7000, 6144},
                                                                                     {8192, 6144}}) {
    INFO(m);
    const TuningRecord* served = who_serves(ranges, m);
    REQUIRE(served);
    CHECK(rows(served->key.operation) == fastest);
  }
}
