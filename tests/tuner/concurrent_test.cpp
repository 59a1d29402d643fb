// SPDX-License-Identifier: Apache-2.0
// Two runs that tune one layer into one database at the same time: the second one while the first one is at work.
#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include "catch.hpp"
#include "tune_fixture.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// How many trials there are of the config that has the most.
std::size_t most_of_a_config(const Store& store) {
  std::multiset<std::string> configs;
  for (const Trial& trial : store.trials()) configs.insert(format(trial.config));
  std::size_t most = 0;
  for (const std::string& config : configs) most = std::max(most, configs.count(config));
  return most;
}

// `call`, but `meanwhile` happens while the one of that number, from 0, is at work.
template <class Call>
auto during(Call call, int number, std::function<void()> meanwhile) {
  return [call, number, meanwhile = std::move(meanwhile), count = 0](auto&&... arguments) mutable {
    auto results = call(arguments...);
    if (count++ == number) meanwhile();
    return results;
  };
}

// Another run, with a connection of its own.
std::vector<TuningRecord> tune_beside(const Fixture& f, const TuneBackend& backend, const TuneOptions& options) {
  Store store = Store::open(f.folder / "tuning.db");
  return tune({kBig}, device(), options, backend, store);
}

}  // namespace

TEST_CASE("a run whose layer another run has finished takes its winner, and stores nothing twice") {
  Fixture f;
  FakeGpu other;
  std::vector<TuningRecord> others;
  TuneBackend backend = f.gpu.backend();
  backend.measure = during(backend.measure, 1, [&] { others = tune_beside(f, other.backend(), trials(24)); });
  const std::vector<TuningRecord> winners = tune({kBig, kSmall}, device(), trials(24), backend, f.store);
  REQUIRE(winners.size() == 2);
  REQUIRE(others.size() == 1);
  CHECK(same(winners[0], others[0]));
  CHECK(other.calls.size() == 3);      // not the first batch, which is on record; two more and the finals
  CHECK(f.gpu.calls.size() == 2 + 4);  // no third batch and no finals, but all of the next layer
  CHECK(f.trials_of(kBig) == 24 + 8);  // the finalists twice
  CHECK(f.trials_of(kSmall) == 24 + 8);
}

TEST_CASE("a run goes on with what another run has measured of a layer and not finished") {
  Fixture f;
  FakeGpu other;
  TuneOptions ended = trials(24);
  ended.stop = [&] { return other.calls.size() >= 2; };
  TuneBackend backend = f.gpu.backend();
  backend.measure = during(backend.measure, 0, [&] { tune_beside(f, other.backend(), ended); });
  CHECK(tune({kBig}, device(), trials(24), backend, f.store).size() == 1);
  CHECK(f.gpu.calls.size() == 3);  // the first batch, which was at work, the third and the finals
  CHECK(f.trials_of(kBig) == 24 + 8);
}

TEST_CASE("what another run measured on another card is measured on this one, too") {
  Fixture f;
  FakeGpu other;
  other.uuid = "GPU-2";
  TuneOptions ended = trials(24);
  ended.stop = [&] { return !other.calls.empty(); };
  TuneBackend backend = f.gpu.backend();
  backend.measure = during(backend.measure, 0, [&] { tune_beside(f, other.backend(), ended); });
  CHECK(tune({kBig}, device(), trials(24), backend, f.store).size() == 1);
  CHECK(f.trials_of(kBig) == 8 + 24 + 8);
}

TEST_CASE("without a GPU what another run compiled meanwhile is stored once, and its winner stands") {
  Fixture f;
  FakeGpu other;
  TuneBackend backend = f.gpu.compile_backend();
  backend.compile = during(backend.compile, 0, [&] { tune_beside(f, other.compile_backend(), {}); });
  CHECK(tune({kBig}, device(), {}, backend, f.store).size() == 1);
  CHECK(most_of_a_config(f.store) == 1);
}

TEST_CASE("runs that are told to tune again measure all for themselves") {
  Fixture f;
  f.run({kBig}, trials(16));
  FakeGpu other;
  TuneOptions retune = trials(16);
  retune.retune = true;
  TuneBackend backend = f.gpu.backend();
  backend.measure = during(backend.measure, 0, [&] { tune_beside(f, other.backend(), retune); });
  tune({kBig}, device(), retune, backend, f.store);
  CHECK(f.trials_of(kBig) == 3 * (16 + 8));
}
