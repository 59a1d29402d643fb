// SPDX-License-Identifier: Apache-2.0
#include "tuner/tune.hpp"

#include <algorithm>

#include "catch.hpp"
#include "templates/embedded.hpp"
#include "tune_fixture.hpp"

using namespace ditune;
using namespace ditune::test;
using namespace std::chrono_literals;

TEST_CASE("tune measures, stores every trial and the winner") {
  Fixture f;
  const std::vector<TuningRecord> winners = f.run({kBig}, trials(40));
  REQUIRE(winners.size() == 1);
  const TuningRecord& winner = winners.front();
  CHECK(winner.source == Source::measured);
  CHECK(winner.key.operation == kBig);
  CHECK(winner.key.template_hash == template_hash(family_name(winner.config)));
  CHECK(winner.predicted_us > 0);
  CHECK(winner.resources.registers == 128);
  CHECK(f.store.cubin(winner.cubin_hash) == "cubin of " + format(winner.config));
  CHECK(f.gpu.screened().size() == 40);

  const std::vector<Trial> kept = f.store.trials();
  CHECK(kept.size() == 48);  // and the final eight once more
  for (const Trial& trial : kept) CHECK(trial.source == Source::measured);
  REQUIRE(f.store.winners().size() == 1);
  CHECK(f.store.winners().front().config == winner.config);
}

TEST_CASE("the winner is the best of a longer look at the best eight") {
  Fixture f;
  const TuningRecord winner = f.run({kBig}, trials(40)).at(0);
  REQUIRE(f.gpu.calls.back().first == Effort::decide);
  const std::vector<KernelConfig>& finalists = f.gpu.calls.back().second;
  CHECK(finalists.size() == 8);
  double best = 1e30;
  for (const KernelConfig& config : finalists)
    best = std::min(best, FakeGpu::cost(config, target_of(kBig), Effort::decide));
  CHECK(winner.median_us <= best * 1.003);
  CHECK(winner.median_us == FakeGpu::cost(winner.config, target_of(kBig), Effort::decide));
}

TEST_CASE("failures are kept with their reason and never win") {
  Fixture f;
  const TuningRecord first = f.run({kBig}, trials(20)).at(0);
  Fixture g;
  g.gpu.failing = {format(first.config)};
  const TuningRecord second = g.run({kBig}, trials(20)).at(0);
  CHECK_FALSE(second.config == first.config);
  CHECK(g.trials_with("does not compile") == 1);
}

TEST_CASE("what spills is kept with its reason and not measured") {
  Fixture f;
  const TuningRecord first = f.run({kBig}, trials(20)).at(0);
  Fixture g;
  g.gpu.spilling = {format(first.config)};
  const TuningRecord second = g.run({kBig}, trials(20)).at(0);
  CHECK_FALSE(second.config == first.config);
  CHECK(g.trials_with("spills 8 bytes of registers") == 1);
}

TEST_CASE("trials counts what is measured: another candidate takes the place of one that is refused") {
  Fixture f;
  f.run({kBig}, trials(20));
  Fixture g;
  for (const KernelConfig& config : f.gpu.screened()) g.gpu.spilling.insert(format(config));
  g.run({kBig}, trials(20));
  CHECK(g.gpu.screened().size() == 20);
  CHECK(g.trials_with("spills 8 bytes of registers") > 10);
  for (const KernelConfig& config : g.gpu.screened()) CHECK_FALSE(g.gpu.spilling.contains(format(config)));
}

TEST_CASE("where everything spills, some of it is measured after all") {
  Fixture f;
  f.gpu.all_spill = true;
  const TuningRecord winner = f.run({kBig}, trials(20)).at(0);
  CHECK(winner.source == Source::measured);
  CHECK(f.gpu.screened().empty());
  CHECK(f.trials_with("spills 8 bytes of registers") == 4 * 20);  // then the search gives up
}

TEST_CASE("without a GPU one without spills is looked for beyond the trials") {
  Fixture f;
  const std::vector<KernelConfig> order = model_order(kBig, 11);
  for (std::size_t i = 0; i < 10; ++i) f.gpu.spilling.insert(format(order[i]));
  const TuningRecord winner = f.predict_only({kBig}, trials(4)).at(0);
  CHECK(winner.config == order[10]);
  CHECK(winner.resources.spill_bytes == 0);
  CHECK(f.trials_with("spills 8 bytes of registers") == 10);
}

TEST_CASE("without a GPU the model's best wins where all spill, and is no failed trial") {
  Fixture f;
  f.gpu.all_spill = true;
  const TuningRecord winner = f.predict_only({kBig}, trials(4)).at(0);
  CHECK(winner.config == model_order(kBig, 1).at(0));
  CHECK(winner.resources.spill_bytes == 8);
  CHECK(f.gpu.compiled == 32);
  CHECK(f.trials_with("spills 8 bytes of registers") == 32);
  REQUIRE(f.store.trials().size() == 33);  // and the winner once more
  CHECK(f.store.trials().back().measurement.ok());
  CHECK(f.store.trials().back().config == winner.config);
}

TEST_CASE("without a GPU a spent budget leaves every layer its first candidates") {
  for (const bool all_spill : {false, true}) {
    Fixture f;
    f.gpu.all_spill = all_spill;
    f.gpu.compile_time = 100s;
    TuneOptions options;
    options.budget = 1s;
    const std::vector<TuningRecord> winners = f.predict_only({kBig, kSmall}, options);
    REQUIRE(winners.size() == 2);
    CHECK(winners[1].config == model_order(kSmall, 1).at(0));
    CHECK(f.gpu.compiled == 8 + 2);
  }
}

TEST_CASE("a stop ends the run after the batch at work: its trials stay, its layer has no winner") {
  Fixture f;
  TuneOptions options = trials(40);
  options.stop = [&] { return f.trials_of(kSmall) > 0; };
  const std::vector<TuningRecord> winners = f.run({kBig, kSmall, kOther}, options);
  REQUIRE(winners.size() == 1);
  CHECK(winners[0].key.operation == kBig);
  CHECK(f.trials_of(kSmall) == 8);
  CHECK(f.trials_of(kOther) == 0);
  CHECK(f.store.winners().size() == 1);
  CHECK(f.run({kBig, kSmall, kOther}, trials(40)).size() == 3);
}

TEST_CASE("without a GPU a stop leaves what was not compiled without spills without a winner") {
  for (const bool all_spill : {false, true}) {
    Fixture f;
    f.gpu.all_spill = all_spill;
    TuneOptions options;
    options.stop = [&] { return f.gpu.compiled > 0; };
    CHECK(f.predict_only({kBig, kSmall}, options).size() == (all_spill ? 0 : 1));
    CHECK(f.gpu.compiled == 8);
  }
}

TEST_CASE("a layer of which everything fails has no winner; the next one has") {
  Fixture f;
  f.gpu.all_fail = true;
  CHECK(f.run({kBig}, trials(8)).empty());
  CHECK(f.store.trials().size() == 4 * 8);
  CHECK(f.store.winners().empty());
  f.gpu.all_fail = false;
  CHECK(f.run({kBig, kSmall}, trials(8)).size() == 1);
}

TEST_CASE("a layer's winner is tried first on the next one like it") {
  Fixture f;
  const Operation like = Gemm{4352, 4608, 4608};
  const std::vector<TuningRecord> winners = f.run({kBig, like}, trials(16));
  REQUIRE(winners.size() == 2);
  const auto& [effort, batch] = f.gpu.calls.at(3);  // after two batches of the first layer and its final
  CHECK(batch.front() == winners.front().config);
}

TEST_CASE("a layer that is listed twice is tuned once") {
  Fixture f;
  CHECK(f.run({kBig, kBig}, trials(8)).size() == 1);
  CHECK(f.gpu.screened().size() == 8);
}

TEST_CASE("the same seed tries the same configs") {
  Fixture f, g;
  f.run({kBig}, trials(32));
  g.run({kBig}, trials(32));
  CHECK(f.gpu.screened() == g.gpu.screened());
}

TEST_CASE("every strategy finds a winner; exhaustive tries all") {
  for (const char* name : {"guided", "random", "exhaustive"}) {
    Fixture f;
    TuneOptions options = trials(20);
    options.strategy = name;
    INFO(name);
    CHECK(f.run({kSmall}, options).size() == 1);
    CHECK(f.gpu.screened().size() == 20);
  }
  Fixture f;
  TuneOptions options;
  options.strategy = "exhaustive";
  const Operation tiny = Gemm{1, 32, 64};
  f.run({tiny}, options);
  CHECK(f.gpu.screened().size() == enumerate(target_of(tiny)).size());
}

TEST_CASE("a budget ends a layer when its share is used, and the next one has its turn") {
  Fixture f;
  f.gpu.batch_time = 10s;
  TuneOptions options = trials(200);
  options.budget = 60s;
  CHECK(f.run({kBig, kSmall}, options).size() == 2);
  CHECK(f.trials_of(kBig) == 3 * 8 + 8);  // 30 s; then the final
  CHECK(f.trials_of(kSmall) > 4);
  CHECK(f.gpu.clock.time_since_epoch() < 90s);
}

TEST_CASE("a spent budget leaves every layer one short batch") {
  Fixture f;
  f.gpu.batch_time = 100s;
  TuneOptions options;
  options.budget = 1s;
  CHECK(f.run({kBig, kSmall}, options).size() == 2);
  CHECK(f.trials_of(kSmall) == 4 + 4);
}

TEST_CASE("a strict budget that is over lets no layer begin, and winners that are known are still told") {
  Fixture f;
  f.run({kOther}, trials(8));
  f.gpu.batch_time = 100s;
  TuneOptions options = trials(8);
  options.budget = 1s;
  options.strict_budget = true;
  std::vector<Operation> done;
  options.progress = [&](const TuneProgress& progress) {
    if (progress.done) done.push_back(progress.target.operation);
  };
  const std::vector<TuningRecord> winners = f.run({kBig, kSmall, kOther}, options);
  REQUIRE(winners.size() == 2);
  CHECK(winners[0].key.operation == kBig);
  CHECK(winners[1].key.operation == kOther);
  CHECK(done == std::vector<Operation>{kBig, kOther});
  CHECK(f.trials_of(kSmall) == 0);
  CHECK(f.run({kSmall}, trials(8)).size() == 1);  // the next run takes it up
}

TEST_CASE("each batch is compiled while the one before it is measured, across layers too") {
  Fixture f;
  f.run({kBig, kSmall}, trials(16));
  REQUIRE(f.gpu.calls.size() == 6);
  const auto prepared_at = [&](std::size_t call) { return f.gpu.prepared_before.at(call); };
  const auto is_prepared = [&](std::size_t call, const KernelConfig& config) {
    const auto begin = f.gpu.prepared.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(prepared_at(call));
    return std::find(begin, end, config) != end;
  };
  for (const KernelConfig& config : f.gpu.calls.at(1).second) CHECK(is_prepared(0, config));
  const auto& of_next_layer = f.gpu.calls.at(3).second;
  CHECK(std::count_if(of_next_layer.begin(), of_next_layer.end(),
                      [&](const KernelConfig& config) { return is_prepared(1, config); }) >= 7);  // all but a seed
}

TEST_CASE("the next layer is compiled ahead where the budget ends one, too") {
  Fixture f;
  f.gpu.batch_time = 100s;
  TuneOptions options = trials(200);
  options.budget = 150s;
  f.run({kBig, kSmall}, options);
  REQUIRE(f.gpu.calls.size() >= 3);
  // The second call is the first layer's final, during which the next one compiles.
  CHECK(f.gpu.calls.at(1).first == Effort::decide);
  const auto begin = f.gpu.prepared.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(f.gpu.prepared_before.at(1));
  CHECK(std::find(begin, end, model_order(kSmall, 1).at(0)) != end);
}

TEST_CASE("progress counts up, within the number of trials") {
  Fixture f;
  std::vector<TuneProgress> seen;
  TuneOptions options = trials(32);
  options.progress = [&](const TuneProgress& progress) { seen.push_back(progress); };
  f.run({kBig, kSmall}, options);
  REQUIRE(seen.size() == 20);  // before and after each batch, before each final, and of each layer's end
  CHECK(seen.front().tried == 0);
  CHECK(seen.front().best_us == 0);
  CHECK(seen.front().layers == 2);
  CHECK(seen.at(7).tried == 32);
  CHECK(seen.at(7).trials == 32);
  CHECK(seen.at(7).best_us > 0);
  CHECK_FALSE(seen.at(18).trying.empty());
  CHECK_FALSE(seen.at(18).done);
  CHECK(seen.back().done);
  CHECK(seen.back().layer == 1);
  CHECK(seen.back().target.operation == kSmall);
}

TEST_CASE("each layer is told when it is done, with its winner if it has one") {
  Fixture f;
  std::vector<TuneProgress> seen;
  TuneOptions options = trials(8);
  options.progress = [&](const TuneProgress& progress) { seen.push_back(progress); };
  const auto winners = f.run({kBig, kSmall}, options);
  const auto is_done = [](const TuneProgress& progress) { return progress.done; };
  REQUIRE(std::count_if(seen.begin(), seen.end(), is_done) == 2);
  CHECK(seen.back().winner == format(winners.at(1).config));
  CHECK(seen.back().best_us == winners.at(1).median_us);

  seen.clear();
  f.run({kBig, kSmall}, options);
  REQUIRE(seen.size() == 2);  // up to date: nothing else is told
  CHECK(seen.front().done);
  CHECK(seen.front().winner == format(winners.at(0).config));

  seen.clear();
  f.gpu.all_fail = true;
  CHECK(f.run({kOther}, options).empty());
  CHECK(seen.back().done);
  CHECK(seen.back().winner.empty());
}

TEST_CASE("a layer that a stop ends is not told as done") {
  Fixture f;
  TuneOptions options = trials(40);
  options.stop = [&] { return f.trials_of(kBig) > 0; };
  options.progress = [](const TuneProgress& progress) { CHECK_FALSE(progress.done); };
  f.run({kBig, kSmall}, options);
}

TEST_CASE("without a GPU the model's best that compiles without spills is stored as predicted") {
  Fixture f;
  const TuningRecord winner = f.predict_only({kBig}).at(0);
  CHECK(winner.source == Source::predicted);
  CHECK(winner.median_us == 0);
  CHECK(winner.predicted_us == predict(winner.config, target_of(kBig)).total_us);
  CHECK(f.gpu.compiled == 8);
  for (const KernelConfig& config : enumerate(target_of(kBig)))
    CHECK(predict(config, target_of(kBig)).total_us >= winner.predicted_us);
  for (const Trial& trial : f.store.trials()) CHECK(trial.source == Source::predicted);

  Fixture g;
  g.gpu.failing = {format(winner.config)};
  const TuningRecord second = g.predict_only({kBig}).at(0);
  CHECK_FALSE(second.config == winner.config);
  CHECK(second.predicted_us >= winner.predicted_us);
}

TEST_CASE("without a GPU more is compiled only if all of a batch spills, and no more than trials") {
  Fixture f;
  f.gpu.all_fail = true;
  CHECK(f.predict_only({kBig}, trials(20)).empty());
  CHECK(f.gpu.compiled == 20);
  CHECK(f.store.trials().size() == 20);
}

TEST_CASE("without a GPU as many are compiled as was asked for, and the model's best still wins") {
  Fixture f;
  CHECK(f.predict_only({kBig}, trials(20)).at(0).config == model_order(kBig, 1).at(0));
  CHECK(f.gpu.compiled == 20);
  Fixture g;
  TuneOptions all;
  all.strategy = "exhaustive";
  const Operation few = parse_operation("quantize_s8:m=4096,k=4608");  // candidates
  CHECK(g.predict_only({few}, all).size() == 1);
  CHECK(g.gpu.compiled == static_cast<int>(enumerate(target_of(few)).size()));
  Fixture h;
  h.gpu.compile_time = 1s;
  all.budget = 10s;
  CHECK(h.predict_only({kBig}, all).size() == 1);
  CHECK(h.gpu.compiled == 10 * 8);
}

TEST_CASE("where all of a batch are killed from outside, the layer is given up for now") {
  Fixture f;
  f.gpu.all_fail = true;
  f.gpu.reason = "the compiler was killed (signal 9)";
  CHECK(f.predict_only({kBig, kSmall}).empty());
  CHECK(f.gpu.compiled == 2 * 8);
  CHECK(f.run({kBig}).empty());
  CHECK(f.gpu.compiled <= 4 * 8);
}

TEST_CASE("wrong requests are refused before anything is measured") {
  Fixture f;
  TuneOptions unknown;
  unknown.strategy = "clever";
  CHECK_THROWS_AS(f.run({kBig}, unknown), UsageError);
  CHECK_THROWS_AS(f.run({kBig}, trials(0)), UsageError);
  CHECK_THROWS_AS(f.run({kBig, Gemm{0, 1, 1}}), UsageError);
  CHECK(f.gpu.calls.empty());
  CHECK(f.store.trials().empty());
}
