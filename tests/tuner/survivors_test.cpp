// SPDX-License-Identifier: Apache-2.0
#include "tuner/survivors.hpp"

#include <algorithm>

#include "catch.hpp"
#include "generator/emit.hpp"
#include "tune_fixture.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

Trial trial_of(const KernelConfig& config, const std::string& failure, int spill_bytes = 0) {
  Trial trial;
  trial.key = {device_class(device()), kBig, template_hash(config)};
  trial.config = config;
  trial.source = Source::predicted;
  trial.measurement.failure = failure;
  trial.measurement.resources.spill_bytes = spill_bytes;
  return trial;
}

}  // namespace

TEST_CASE("the last trial of each candidate of today's templates tells who survived, and who was killed") {
  const std::vector<KernelConfig> order = model_order(kBig, 6);
  std::vector<Trial> trials = {
      trial_of(order[0], "did not end within 20 s"),
      trial_of(order[1], "the compiler was killed (signal 9)"),
      trial_of(order[2], ""),
      trial_of(order[3], "spills 8 bytes of registers", 8),
      trial_of(order[4], ""),
      trial_of(order[4], "the compiler crashed (signal 9)"),
      trial_of(order[5], "the compiler was killed (signal 9)"),
      trial_of(order[5], ""),
  };
  Trial stale = trial_of(order[0], "");
  stale.key.template_hash = "0000000000000000";
  trials.push_back(stale);
  TuningKey key = trials[0].key;
  key.template_hash = "whichever";
  const SurvivorTable table(trials);
  const Survivors survivors = table.of(key, Source::predicted);
  CHECK(survivors.tried == 5);
  CHECK(survivors.survived == 2);
  CHECK(survivors.are_few());
  CHECK(std::ranges::is_permutation(survivors.killed, std::vector{order[1], order[4]}));
  CHECK(table.of(key, Source::measured).tried == 0);
  CHECK_FALSE(table.of(key, Source::measured).are_few());
  key.regime = Regime::sustained;
  CHECK(table.of(key, Source::predicted).tried == 0);
}

TEST_CASE("half are not few") {
  const std::vector<KernelConfig> order = model_order(kBig, 2);
  const std::vector<Trial> trials = {trial_of(order[0], ""), trial_of(order[1], "does not compile")};
  CHECK_FALSE(SurvivorTable(trials).of(trials[0].key, Source::predicted).are_few());
}
