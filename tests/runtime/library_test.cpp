#include "ditune/library.hpp"

#include "catch.hpp"
#include "ditune/error.hpp"
#include "embedded.hpp"
#include "generator/launch_plan.hpp"
#include "generator/search_space.hpp"

using namespace ditune;

namespace {

const DeviceInfo& kCard = find_device("RTX 3090");
const DeviceInfo& kSameArch = find_device("A10");  // sm_86 too
const DeviceInfo& kOtherArch = find_device("H100");
const KernelConfig kBig = parse_config("mma_s8:tile=128x128x64,warps=2x2,stages=3");
const KernelConfig kSmall = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3");
const KernelConfig kSlim = parse_config("mma_s8:tile=32x128x64,warps=1x4,stages=3");
const Epilogue kDefault;

struct Row {
  GemmProblem problem;
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
  result.key = {device_class(*row.device), row.problem, row.epilogue, hash, row.regime};
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
  const GemmProblem problem{4096, 4608, 4608};
  const Library lib = library({{.problem = {4000, 4608, 4608}, .config = kSmall}, {.problem = problem}});
  const LookupResult found = lib.lookup(problem, kDefault, kCard);
  CHECK(found.match == Match::exact);
  CHECK(found.config == kBig);
  REQUIRE(found.record);
  CHECK(found.record->key.problem == problem);
  CHECK(found.plan.grid == launch_plan(kBig, {problem, kDefault, kCard}).grid);
  CHECK(found.plan.grid > 0);
}

TEST_CASE("The nearest m is nearest on a log scale, and the plan is that of the problem asked") {
  const Library lib = library({{.problem = {256, 4608, 4608}, .config = kSmall}, {.problem = {2048, 4608, 4608}}});
  const GemmProblem asked{600, 4608, 4608};  // 2.3 times 256, 3.4 times less than 2048
  const LookupResult found = lib.lookup(asked, kDefault, kCard);
  CHECK(found.match == Match::nearest_m);
  CHECK(found.config == kSmall);
  CHECK(found.plan.grid == launch_plan(kSmall, {asked, kDefault, kCard}).grid);
  CHECK(lib.lookup({800, 4608, 4608}, kDefault, kCard).config == kBig);
  CHECK(lib.lookup({1, 4608, 4608}, kDefault, kCard).config == kSmall);
}

TEST_CASE("Of two m equally near the larger is taken") {
  const Library lib =
      library({{.problem = {1024, 4608, 4608}, .config = kSmall, .us = 10}, {.problem = {4096, 4608, 4608}, .us = 40}});
  CHECK(lib.lookup({2048, 4608, 4608}, kDefault, kCard).config == kBig);
}

TEST_CASE("n, k and the epilogue have to be the same") {
  Epilogue with_bias;
  with_bias.bias = Bias::bf16;
  const Library lib = library({{.problem = {4096, 4608, 4608}}});
  CHECK(lib.lookup({4096, 4608, 4608}, with_bias, kCard).match == Match::model);
  CHECK(lib.lookup({4096, 4608, 4624}, kDefault, kCard).match == Match::model);
  CHECK(lib.lookup({4096, 4624, 4608}, kDefault, kCard).match == Match::model);
}

TEST_CASE("A measured record wins over a faster predicted one, a fast one over a slow one") {
  const GemmProblem problem{4096, 4608, 4608};
  const Library lib = library({{.problem = problem, .config = kSmall, .source = Source::predicted, .us = 1},
                               {.problem = problem, .config = kSlim, .us = 120},
                               {.problem = problem, .config = kBig, .us = 100}});
  const LookupResult found = lib.lookup(problem, kDefault, kCard);
  CHECK(found.config == kBig);
  CHECK(found.record->source == Source::measured);
  // Near ones too.
  const Library near = library({{.problem = {4095, 4608, 4608}, .config = kSmall, .source = Source::predicted},
                                {.problem = {4000, 4608, 4608}, .config = kBig}});
  CHECK(near.lookup(problem, kDefault, kCard).config == kBig);
}

TEST_CASE("Of two regimes the one that is asked for answers, and either where it is alone") {
  const GemmProblem problem{4096, 4608, 4608}, single{1024, 4608, 4608};
  const Library lib = library({{.problem = problem, .us = 100},
                               {.problem = problem, .config = kSmall, .us = 120, .regime = Regime::sustained},
                               {.problem = single, .config = kSmall, .us = 30, .regime = Regime::sustained}});
  CHECK(lib.lookup(problem, kDefault, kCard).config == kBig);
  CHECK(lib.lookup(problem, kDefault, kCard, Regime::sustained).config == kSmall);
  CHECK(lib.lookup({3000, 4608, 4608}, kDefault, kCard, Regime::sustained).config == kSmall);
  CHECK(lib.lookup({3000, 4608, 4608}, kDefault, kCard).config == kBig);
  CHECK(lib.lookup(single, kDefault, kCard).match == Match::exact);
}

TEST_CASE("A stale record answers where no record of today's templates does") {
  const GemmProblem problem{4096, 4608, 4608};
  const Row stale{.problem = problem, .config = kSmall, .stale = true};
  const Library alone = library({stale});
  CHECK(alone.lookup(problem, kDefault, kCard).match == Match::stale);
  CHECK(alone.lookup({4000, 4608, 4608}, kDefault, kCard).match == Match::stale);
  const Library beside = library({stale, {.problem = {1024, 4608, 4608}}});
  CHECK(beside.lookup(problem, kDefault, kCard).match == Match::nearest_m);
}

TEST_CASE("Another device of the same arch answers where this one has no record") {
  const GemmProblem problem{4096, 4608, 4608};
  const Row other{.problem = problem, .config = kSmall, .device = &kSameArch};
  const Library lib = library({other, {.problem = problem, .config = kSlim, .device = &kOtherArch}});
  const LookupResult found = lib.lookup(problem, kDefault, kCard);
  CHECK(found.match == Match::other_device);
  CHECK(found.config == kSmall);
  const Library with_stale = library({other, {.problem = problem, .config = kBig, .stale = true}});
  CHECK(with_stale.lookup(problem, kDefault, kCard).match == Match::stale);
}

TEST_CASE("A record of another arch, or a stale one of another device, answers nothing") {
  const Library lib = library({{.problem = {4096, 4608, 4608}, .device = &kOtherArch},
                               {.problem = {4096, 4608, 4608}, .device = &kSameArch, .stale = true}});
  CHECK(lib.lookup({4096, 4608, 4608}, kDefault, kCard).match == Match::model);
}

TEST_CASE("A card with fewer SMs is another device") {
  DeviceInfo cut_down = kCard;
  cut_down.sms -= 2;
  const Library lib = library({{.problem = {4096, 4608, 4608}}});
  CHECK(lib.lookup({4096, 4608, 4608}, kDefault, cut_down).match == Match::other_device);
}

TEST_CASE("Without any record the model answers with a legal config") {
  const Library empty = library({});
  for (const GemmProblem problem : {GemmProblem{4096, 4608, 4608}, {1, 4608, 4608}, {17, 33, 7}}) {
    const LookupResult found = empty.lookup(problem, kDefault, kCard);
    INFO(format(problem));
    CHECK(found.match == Match::model);
    CHECK(found.record == nullptr);
    CHECK_FALSE(refusal(found.config, {problem, kDefault, kCard}));
    CHECK(found.plan.grid > 0);
  }
}

TEST_CASE("Where the model knows no rates a legal default answers") {
  DeviceInfo unknown = kCard;
  unknown.name = "NVIDIA Unknown";
  unknown.mma_s8_per_clock = unknown.l2_gbps = unknown.dram_gbps = unknown.sm_clock_mhz = 0;
  const GemmProblem problem{4096, 4608, 4608};
  const Library empty = library({});
  const LookupResult found = empty.lookup(problem, kDefault, unknown);
  CHECK(found.match == Match::fallback);
  CHECK_FALSE(refusal(found.config, {problem, kDefault, unknown}));
}

TEST_CASE("Where no candidate is legal nothing matches") {
  DeviceInfo tiny = kCard;
  tiny.name = "NVIDIA Tiny";
  tiny.shared_per_block = tiny.shared_per_sm = 1;
  const Library lib = library({{.problem = {4096, 4608, 4608}}});
  const LookupResult found = lib.lookup({4096, 4608, 4608}, kDefault, tiny);
  CHECK(found.match == Match::none);
  CHECK(found.plan.grid == 0);
}

TEST_CASE("A config that the problem asked rules out is passed over") {
  // K = 4604 is no multiple of the 16 bytes that these configs load at once.
  const GemmProblem problem{4096, 4608, 4604};
  const KernelConfig narrow = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3,load=4");
  REQUIRE(refusal(kBig, {problem, kDefault, kCard}));
  REQUIRE_FALSE(refusal(narrow, {problem, kDefault, kCard}));
  const Library lib = library({{.problem = problem, .config = kBig}, {.problem = {128, 4608, 4604}, .config = narrow}});
  const LookupResult found = lib.lookup(problem, kDefault, kCard);
  CHECK(found.match == Match::nearest_m);
  CHECK(found.config == narrow);
  const Library refused = library({{.problem = problem, .config = kBig}});
  CHECK(refused.lookup(problem, kDefault, kCard).match == Match::model);
}

TEST_CASE("An illegal problem is refused") {
  const Library lib = library({});
  CHECK_THROWS_AS(lib.lookup({0, 4608, 4608}, kDefault, kCard), UsageError);
  CHECK_THROWS_AS(lib.lookup({1, 4608, kMaxK + 1}, kDefault, kCard), UsageError);
}

TEST_CASE("A library that moved still answers with records of its own") {
  Library first = library({{.problem = {4096, 4608, 4608}}});
  const TuningRecord* before = first.lookup({4096, 4608, 4608}, kDefault, kCard).record;
  const Library second = std::move(first);
  CHECK(second.lookup({4096, 4608, 4608}, kDefault, kCard).record == before);
}
