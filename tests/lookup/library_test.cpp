// SPDX-License-Identifier: Apache-2.0
#include "ditune/library.hpp"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "gemm.hpp"
#include "generator/fallback.hpp"
#include "generator/launch_plan.hpp"
#include "generator/search_space.hpp"
#include "templates/embedded.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const DeviceInfo& kCard = find_device("RTX 3090");
const DeviceInfo& kSameArch = find_device("A10");  // sm_86 too
const DeviceInfo& kOtherArch = find_device("H100");
const KernelConfig kBig = parse_config("mma_s8:tile=128x128x64,warps=2x2,stages=3");
const KernelConfig kSmall = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3");
const KernelConfig kSlim = parse_config("mma_s8:tile=32x128x64,warps=1x4,stages=3");

struct Row {
  Gemm problem;
  KernelConfig config = kBig;
  Source source = Source::measured;
  double us = 100;
  const DeviceInfo* device = &kCard;
  bool stale = false;
  Epilogue epilogue = {};
  Regime regime = Regime::burst;
};

TuningRecord record(const Row& row) {
  TuningRecord result;
  const std::string hash = row.stale ? "0000000000000000" : template_hash(family_name(row.config));
  result.key = {device_class(*row.device), with(row.problem, row.epilogue), hash, row.regime};
  result.config = row.config;
  result.source = row.source;
  (row.source == Source::measured ? result.median_us : result.predicted_us) = row.us;
  return result;
}

Library library(const std::vector<Row>& rows) {
  std::vector<TuningRecord> records;
  for (const Row& row : rows) records.push_back(record(row));
  return Library(std::move(records));
}

}  // namespace

TEST_CASE("A record of this very layer is an exact match, with the plan of its config") {
  const Gemm problem{4096, 4608, 4608};
  const Library lib = library({{.problem = {4000, 4608, 4608}, .config = kSmall}, {.problem = problem}});
  const LookupResult found = lib.lookup(problem, kCard);
  CHECK(found.match == Match::exact);
  CHECK(found.config == kBig);
  REQUIRE(found.record);
  CHECK(found.record->key.operation == Operation(problem));
  CHECK(found.plan.grid == launch_plan(kBig, {problem, kCard}).grid);
  CHECK(found.plan.grid > 0);
}

TEST_CASE("The nearest m is nearest on a log scale, of two the larger; the plan is that of the problem asked") {
  const Library lib = library({{.problem = {256, 4608, 4608}}, {.problem = {4096, 4608, 4608}}});
  const auto served_by = [&](std::int64_t m) {
    const LookupResult found = lib.lookup(Gemm{m, 4608, 4608}, kCard);
    CHECK(found.match == Match::nearest_m);
    CHECK(found.plan.grid == launch_plan(kBig, {Gemm{m, 4608, 4608}, kCard}).grid);
    return rows(found.record->key.operation);
  };
  CHECK(served_by(1023) == 256);
  CHECK(served_by(1024) == 4096);
  CHECK(served_by(1) == 256);
  CHECK(served_by(100000) == 4096);
}

// At this layer the model gives kSmall and kBig 45 and 52 us at m = 64, 293 and 194 us at 1024, and 563 and 385 us at
// 2048. It believes the root of what was measured by what it says: ten times where a hundred times was measured.
TEST_CASE("Between two winners that differ the one that is expected to be faster serves, each at its own m") {
  struct Case {
    double small_us;  // measured at m = 64
    std::vector<std::pair<std::int64_t, KernelConfig>> served;
  };
  const std::vector<Case> cases{
      // as the model has it
      {45, {{16, kSmall}, {64, kSmall}, {1024, kBig}, {2047, kBig}, {2048, kBig}, {8192, kBig}}},
      // slow, but below 64 as fast beside kBig as it was measured to be there
      {4500, {{16, kSmall}, {63, kSmall}, {64, kSmall}, {65, kBig}, {1024, kBig}, {2048, kBig}}},
      // fast, but not from where kBig was measured to be faster
      {0.45,
       {{16, kSmall},
        {65, kSmall},
        {1024, kSmall},
        {2047, kSmall},
        {2048, kBig},
        {2049, kBig},
        {8192, kBig},
        {8193, kBig}}}};
  for (const auto& [small_us, served] : cases) {
    const Library lib = library({{.problem = {64, 4608, 4608}, .config = kSmall, .us = small_us},
                                 {.problem = {2048, 4608, 4608}, .config = kBig, .us = 385}});
    for (const auto& [m, config] : served) {
      CAPTURE(small_us, m);
      CHECK(lib.lookup(Gemm{m, 4608, 4608}, kCard).config == config);
    }
  }
}

TEST_CASE("Of several devices of the same arch the one nearest in SMs answers, with what is nearest there") {
  DeviceInfo larger = kCard, smaller = kCard;
  larger.name = "NVIDIA Larger";
  larger.sms = kCard.sms + 4;
  smaller.name = "NVIDIA Smaller";
  smaller.sms = kCard.sms / 2;
  const Library lib = library({{.problem = {4096, 4608, 4608}, .config = kSmall, .device = &smaller},
                               {.problem = {256, 4608, 4608}, .config = kSlim, .device = &larger},
                               {.problem = {8192, 4608, 4608}, .config = kBig, .device = &larger}});
  const LookupResult found = lib.lookup(Gemm{4096, 4608, 4608}, kCard);
  CHECK(found.match == Match::other_device);
  REQUIRE(found.record);
  CHECK(found.record->key.device.name == "NVIDIA Larger");
}

TEST_CASE("A miss is told once, with how it was answered") {
  std::vector<Miss> misses;
  const Library lib({record({.problem = {4096, 4608, 4608}})},
                    {.on_miss = [&](const Miss& miss) { misses.push_back(miss); }});
  const Gemm missed{4096, 3072, 3072};
  for (int i = 0; i < 3; ++i) {
    CHECK(lib.lookup(missed, kCard).match == Match::model);
    CHECK(lib.lookup(Gemm{4096, 4608, 4608}, kCard).match == Match::exact);
  }
  REQUIRE(misses.size() == 1);
  CHECK(misses[0].operation == Operation(missed));
  CHECK(misses[0].device == device_class(kCard));
  CHECK(misses[0].match == Match::model);
  lib.lookup(Gemm{4095, 3072, 3072}, kCard);
  lib.lookup(with(missed, parse_epilogue("bias=bf16")), kCard);
  CHECK(misses.size() == 3);
}

TEST_CASE("Threads that ask at once get the same answers, and one miss is told") {
  std::atomic<int> misses = 0;
  std::vector<TuningRecord> records;
  for (std::int64_t layer = 0; layer < 20; ++layer)
    for (const std::int64_t m : {16, 256, 4096})
      records.push_back(record({.problem = {m, 1024 + 64 * layer, 4608}, .config = m == 256 ? kSlim : kBig}));
  const Library lib(records, {.on_miss = [&](const Miss&) { ++misses; }});
  const Library alone(records);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (std::int64_t i = 0; i < 400; ++i) {
        const Gemm problem{1 + i * 13, 1024 + 64 * (i % 20), 4608};
        wrong += lib.lookup(problem, kCard).config != alone.lookup(problem, kCard).config;
      }
      wrong += lib.lookup(Gemm{64, 512, 512}, kCard).match != Match::model;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(misses == 1);
}

TEST_CASE("n, k and the epilogue have to be the same") {
  Epilogue with_bias;
  with_bias.bias = Bias::bf16;
  const Library lib = library({{.problem = {4096, 4608, 4608}}});
  CHECK(lib.lookup(with({4096, 4608, 4608}, with_bias), kCard).match == Match::model);
  CHECK(lib.lookup(Gemm{4096, 4608, 4624}, kCard).match == Match::model);
  CHECK(lib.lookup(Gemm{4096, 4624, 4608}, kCard).match == Match::model);
}

TEST_CASE("A measured record wins over a faster predicted one, a fast one over a slow one") {
  const Gemm problem{4096, 4608, 4608};
  const Library lib = library({{.problem = problem, .config = kSmall, .source = Source::predicted, .us = 1},
                               {.problem = problem, .config = kSlim, .us = 120},
                               {.problem = problem, .config = kBig, .us = 100}});
  const LookupResult found = lib.lookup(problem, kCard);
  CHECK(found.config == kBig);
  CHECK(found.record->source == Source::measured);
  // Near ones too.
  const Library near = library({{.problem = {4095, 4608, 4608}, .config = kSmall, .source = Source::predicted},
                                {.problem = {4000, 4608, 4608}, .config = kBig}});
  CHECK(near.lookup(problem, kCard).config == kBig);
}

TEST_CASE("Of two regimes the one that is asked for answers, and either where it is alone") {
  const Gemm problem{4096, 4608, 4608}, single{1024, 4608, 4608};
  const Library lib = library({{.problem = problem, .us = 100},
                               {.problem = problem, .config = kSmall, .us = 120, .regime = Regime::sustained},
                               {.problem = single, .config = kSmall, .us = 30, .regime = Regime::sustained}});
  CHECK(lib.lookup(problem, kCard).config == kBig);
  CHECK(lib.lookup(problem, kCard, Regime::sustained).config == kSmall);
  CHECK(lib.lookup(Gemm{3000, 4608, 4608}, kCard, Regime::sustained).config == kSmall);
  CHECK(lib.lookup(Gemm{3000, 4608, 4608}, kCard).config == kBig);
  CHECK(lib.lookup(single, kCard).match == Match::exact);
}

TEST_CASE("A stale record answers where no record of today's templates does") {
  const Gemm problem{4096, 4608, 4608};
  const Row stale{.problem = problem, .config = kSmall, .stale = true};
  const Library alone = library({stale});
  CHECK(alone.lookup(problem, kCard).match == Match::stale);
  CHECK(alone.lookup(Gemm{4000, 4608, 4608}, kCard).match == Match::stale);
  const Library beside = library({stale, {.problem = {1024, 4608, 4608}}});
  CHECK(beside.lookup(problem, kCard).match == Match::nearest_m);
}

TEST_CASE("Another device of the same arch answers where this one has no record") {
  const Gemm problem{4096, 4608, 4608};
  const Row other{.problem = problem, .config = kSmall, .device = &kSameArch};
  const Library lib = library({other, {.problem = problem, .config = kSlim, .device = &kOtherArch}});
  const LookupResult found = lib.lookup(problem, kCard);
  CHECK(found.match == Match::other_device);
  CHECK(found.config == kSmall);
  const Library with_stale = library({other, {.problem = problem, .config = kBig, .stale = true}});
  CHECK(with_stale.lookup(problem, kCard).match == Match::stale);
}

TEST_CASE("A record of another arch, or a stale one of another device, answers nothing") {
  const Library lib = library({{.problem = {4096, 4608, 4608}, .device = &kOtherArch},
                               {.problem = {4096, 4608, 4608}, .device = &kSameArch, .stale = true}});
  CHECK(lib.lookup(Gemm{4096, 4608, 4608}, kCard).match == Match::model);
}

TEST_CASE("A card with fewer SMs is another device") {
  DeviceInfo cut_down = kCard;
  cut_down.sms -= 2;
  const Library lib = library({{.problem = {4096, 4608, 4608}}});
  CHECK(lib.lookup(Gemm{4096, 4608, 4608}, cut_down).match == Match::other_device);
}

TEST_CASE("Without any record the model answers with a legal config") {
  const Library empty = library({});
  for (const Gemm problem : {Gemm{4096, 4608, 4608}, {1, 4608, 4608}, {17, 33, 7}}) {
    const LookupResult found = empty.lookup(problem, kCard);
    INFO(format(problem));
    CHECK(found.match == Match::model);
    CHECK(found.record == nullptr);
    CHECK_FALSE(refusal(found.config, {problem, kCard}));
    CHECK(found.plan.grid > 0);
  }
}

TEST_CASE("Where the model knows no rates a legal default answers") {
  DeviceInfo unknown = kCard;
  unknown.name = "NVIDIA Unknown";
  unknown.mma_s8_per_clock = unknown.l2_gbps = unknown.dram_gbps = unknown.sm_clock_mhz = 0;
  const Gemm problem{4096, 4608, 4608};
  const Library empty = library({});
  const LookupResult found = empty.lookup(problem, unknown);
  CHECK(found.match == Match::fallback);
  CHECK_FALSE(refusal(found.config, {problem, unknown}));
}

TEST_CASE("Where nothing is compiled only a stored kernel answers, and behind it what is built in") {
  std::vector<Miss> misses;
  const Gemm problem{4096, 4608, 4608}, missed{16, 64, 64};
  TuningRecord without = record({.problem = problem, .config = kSmall}), with = record({.problem = {64, 4608, 4608}});
  with.cubin_hash = "stored";
  TuningRecord stale = record({.problem = missed, .stale = true});
  stale.cubin_hash = "stored";
  const Library lib({without, with, stale},
                    {.on_miss = [&](const Miss& miss) { misses.push_back(miss); }, .compile = CompilePolicy::never});
  const LookupResult near = lib.lookup(problem, kCard);
  CHECK(near.match == Match::nearest_m);
  CHECK(near.config == kBig);
  CHECK(misses.empty());
  const LookupResult found = lib.lookup(missed, kCard);
  CHECK(found.match == Match::fallback);
  CHECK(found.config == fallback_config(missed));
  CHECK(found.plan.grid == launch_plan(found.config, {missed, kCard}).grid);
  CHECK(lib.lookup(Quantize{.m = 16, .k = 64}, kCard).match == Match::none);
  CHECK(lib.lookup(Gemm{2147483647, 2147483647, 64}, kCard).match == Match::none);
  REQUIRE(misses.size() == 3);
  CHECK(misses[0].match == Match::fallback);
  CHECK(misses[1].match == Match::none);
  CHECK(misses[2].match == Match::none);
}

TEST_CASE("Where no candidate is legal nothing matches") {
  DeviceInfo tiny = kCard;
  tiny.name = "NVIDIA Tiny";
  tiny.shared_per_block = tiny.shared_per_sm = 1;
  const Library lib = library({{.problem = {4096, 4608, 4608}}});
  const LookupResult found = lib.lookup(Gemm{4096, 4608, 4608}, tiny);
  CHECK(found.match == Match::none);
  CHECK(found.plan.grid == 0);
}

TEST_CASE("A config that the problem asked rules out is passed over") {
  // K = 4604 is no multiple of the 16 bytes that these configs load at once.
  const Gemm problem{4096, 4608, 4604};
  const KernelConfig narrow = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3,load=4");
  REQUIRE(refusal(kBig, {problem, kCard}));
  REQUIRE_FALSE(refusal(narrow, {problem, kCard}));
  const Library lib = library({{.problem = problem, .config = kBig}, {.problem = {128, 4608, 4604}, .config = narrow}});
  const LookupResult found = lib.lookup(problem, kCard);
  CHECK(found.match == Match::nearest_m);
  CHECK(found.config == narrow);
  const Library refused = library({{.problem = problem, .config = kBig}});
  CHECK(refused.lookup(problem, kCard).match == Match::model);
}

TEST_CASE("An illegal problem is refused") {
  const Library lib = library({});
  CHECK_THROWS_AS(lib.lookup(Gemm{0, 4608, 4608}, kCard), UsageError);
  CHECK_THROWS_AS(lib.lookup(Gemm{1, 4608, kMaxK + 1}, kCard), UsageError);
}

TEST_CASE("A library that moved still answers with records of its own") {
  Library first = library({{.problem = {4096, 4608, 4608}}});
  const TuningRecord* before = first.lookup(Gemm{4096, 4608, 4608}, kCard).record;
  const Library second = std::move(first);
  CHECK(second.lookup(Gemm{4096, 4608, 4608}, kCard).record == before);
}
