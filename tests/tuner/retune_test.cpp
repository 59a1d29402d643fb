// SPDX-License-Identifier: Apache-2.0
// What earlier runs left in the store: what is not found out again, what stands, and what replaces it.
#include <algorithm>

#include "catch.hpp"
#include "generator/search_space.hpp"
#include "tune_fixture.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("what failed is not tried again, unless that is asked for or the toolchain is another") {
  Fixture f;
  const TuningRecord best = f.run({kBig}, trials(8)).at(0);
  const auto was_tried = [&](const TuneOptions& options) {
    const auto is_its = [&](const Trial& trial) { return trial.config == best.config; };
    const auto before = std::ranges::count_if(f.store.trials(), is_its);
    f.run({kBig}, options);
    return std::ranges::count_if(f.store.trials(), is_its) > before;
  };
  TuneOptions retune = trials(64);  // enough to propose it again, now that another one wins
  retune.retune = true;
  f.gpu.failing = {format(best.config)};
  CHECK(was_tried(retune));
  f.gpu.failing = {};
  CHECK_FALSE(was_tried(retune));
  f.gpu.nvrtc_version = "13.1";
  CHECK(was_tried(retune));
  f.gpu.nvrtc_version = "";
  retune.retry_failed = true;
  CHECK(was_tried(retune));
}

TEST_CASE("a search that was ended goes on where it was, and comes to the same") {
  Fixture whole;
  const std::vector<TuningRecord> winners = whole.run({kBig, kSmall}, trials(40));
  for (int batches = 1; batches < 12; batches += 3) {
    Fixture f;
    TuneOptions ended = trials(40);
    ended.stop = [&] { return static_cast<int>(f.gpu.calls.size()) >= batches; };
    f.run({kBig, kSmall}, ended);
    const std::vector<TuningRecord> again = f.run({kBig, kSmall}, trials(40));
    REQUIRE(again.size() == 2);
    for (std::size_t i = 0; i < again.size(); ++i) {
      CHECK(again[i].config == winners[i].config);
      CHECK(again[i].median_us == winners[i].median_us);
    }
    CHECK(f.gpu.screened() == whole.gpu.screened());  // none of them twice, in the same order
  }
}

TEST_CASE("without a GPU what was compiled is not compiled again") {
  Fixture f;
  for (const KernelConfig& config : model_order(kBig, 10)) f.gpu.spilling.insert(format(config));
  TuneOptions ended = trials(4);
  ended.stop = [&] { return f.gpu.compiled > 0; };
  f.predict_only({kBig}, ended);
  CHECK(f.gpu.compiled == 4);
  CHECK(f.predict_only({kBig}, trials(4)).at(0).config == model_order(kBig, 11).at(10));
  CHECK(f.gpu.compiled == 12);
}

TEST_CASE("a winner is replaced only by one that is measurably better") {
  Fixture f;
  const TuningRecord first = f.run({kBig}, trials(16)).at(0);
  TuneOptions retune = trials(16);
  retune.retune = true;
  // Another that ties with it would win by its registers.
  f.gpu.registers = {{format(first.config), 200}};
  f.gpu.factors = {};
  for (const KernelConfig& config : enumerate(target_of(kBig)))
    if (config != first.config)
      f.gpu.factors[format(config)] = first.median_us * 1.001 / FakeGpu::cost(config, target_of(kBig), Effort::decide);
  CHECK(f.run({kBig}, retune).at(0).config == first.config);
  REQUIRE(f.store.winners().size() == 1);
  CHECK(f.store.winners().front().tied.size() >= 3);
  f.gpu.factors[format(first.config)] = 1.05;
  const TuningRecord better = f.run({kBig}, retune).at(0);
  CHECK_FALSE(better.config == first.config);
}

TEST_CASE("under the sustained regime both winners are kept, each by its own measurement") {
  Fixture f;
  const TuningRecord burst = f.run({kBig}, trials(16)).at(0);
  f.gpu.sustained_factors = {{format(burst.config), 1.5}};
  TuneOptions sustained = trials(16);
  sustained.regime = Regime::sustained;
  f.gpu.calls.clear();
  const TuningRecord winner = f.run({kBig}, sustained).at(0);
  CHECK(winner.key.regime == Regime::sustained);
  CHECK_FALSE(winner.config == burst.config);
  CHECK(winner.power_w == 700);
  REQUIRE(f.gpu.calls.size() == 1);  // the search is on record
  CHECK(f.gpu.calls.front().first == Effort::sustain);
  std::vector<TuningRecord> kept = f.store.winners();
  std::erase_if(kept, [](const TuningRecord& record) { return record.key.regime != Regime::burst; });
  REQUIRE(kept.size() == 1);
  CHECK(kept.front().config == burst.config);
  f.gpu.calls.clear();
  CHECK(f.run({kBig}, sustained).at(0).config == winner.config);
  CHECK(f.run({kBig}, trials(16)).at(0).config == burst.config);
  CHECK(f.gpu.calls.empty());
  CHECK_THROWS_AS(f.predict_only({kBig}, sustained), UsageError);
}

TEST_CASE("a second run takes winners from the store, unless it is told to tune again") {
  Fixture f;
  const TuningRecord winner = f.run({kBig}, trials(16)).at(0);
  const std::size_t calls = f.gpu.calls.size();
  const std::vector<TuningRecord> again = f.run({kBig}, trials(16));
  CHECK(f.gpu.calls.size() == calls);
  REQUIRE(again.size() == 1);
  CHECK(again.front().config == winner.config);
  CHECK(again.front().median_us == winner.median_us);

  TuneOptions retune = trials(16);
  retune.retune = true;
  f.run({kBig}, retune);
  CHECK(f.gpu.calls.size() > calls);
}

namespace {

// A layer of few candidates whose winner is beaten by a config of another family.
struct TwoFamilies : Fixture {
  const Operation layer = parse_operation("quantize_s8:m=512,k=4608");
  const std::vector<KernelConfig> candidates = enumerate(target_of(layer));
  const TuningRecord first = run({layer}, trials(16)).at(0);
  const KernelConfig other = *std::ranges::find_if(candidates, [this](const auto& config) { return is_other(config); });
  TuneOptions retune = trials(static_cast<int>(candidates.size()));

  TwoFamilies() {
    retune.retune = true;
    set_times(1.5, 3);
    CHECK(run({layer}, retune).at(0).config == other);
    CHECK(store.winners().size() == 2);  // a family each
  }
  bool is_other(const KernelConfig& config) const { return config.index() != first.config.index(); }
  // How many times as long the other family's config takes as the first winner did, and all the rest as it did before.
  void set_times(double others, double rest) {
    for (const KernelConfig& config : candidates) gpu.factors[format(config)] = rest;
    gpu.factors[format(other)] = others * first.median_us / FakeGpu::cost(other, target_of(layer), Effort::decide);
  }
  void fail_others() {
    for (const KernelConfig& config : candidates)
      if (is_other(config)) gpu.failing.insert(format(config));
  }
};

}  // namespace

TEST_CASE("a winner that another family beats does not come back with its old time") {
  TwoFamilies f;
  CHECK(f.run({f.layer}, trials(16)).at(0).config == f.other);
  // All are slower once more, and the one that was beaten before would be ahead if it had that day's time.
  f.set_times(4, 10);
  CHECK(f.run({f.layer}, f.retune).at(0).config == f.other);
  CHECK(f.run({f.layer}, trials(16)).at(0).config == f.other);
}

TEST_CASE("a winner of another family that is wrong today goes, and its trials stay") {
  TwoFamilies f;
  f.fail_others();
  f.gpu.reason = "wrong at row 3";
  f.gpu.failing_compile = true;
  const std::size_t before = f.store.trials().size();
  CHECK_FALSE(f.is_other(f.run({f.layer}, f.retune).at(0).config));
  REQUIRE(f.store.winners().size() == 1);
  CHECK_FALSE(f.is_other(f.store.winners().front().config));
  CHECK(f.store.trials().size() > before);
}

TEST_CASE(
    "a winner of another family stays if today's compiler fails, or the process was killed that looked at it again") {
  TwoFamilies f;
  f.fail_others();
  f.run({f.layer}, f.retune);
  CHECK(f.store.winners().size() == 2);
  TwoFamilies g;
  g.fail_others();
  g.gpu.reason = "the process that ran it was killed (signal 9)";
  g.gpu.failing_compile = true;
  g.run({g.layer}, g.retune);
  CHECK(g.store.winners().size() == 2);
}

TEST_CASE("sustained winners are of a whole search, or of none") {
  Fixture whole;
  TuneOptions sustained = trials(40);
  sustained.regime = Regime::sustained;
  const TuningRecord winner = whole.run({kBig}, sustained).at(0);
  // A burst winner of another toolchain, and a search that was ended.
  Fixture f;
  f.gpu.nvrtc_version = "12.9";
  f.run({kBig}, trials(8));
  f.gpu.nvrtc_version = "";
  TuneOptions ended = sustained;
  const std::size_t before = f.gpu.calls.size();
  ended.stop = [&] { return f.gpu.calls.size() > before; };
  CHECK(f.run({kBig}, ended).empty());
  f.gpu.calls.clear();
  const std::vector<TuningRecord> again = f.run({kBig}, sustained);
  REQUIRE(again.size() == 1);
  CHECK(again.front().key.regime == Regime::sustained);
  CHECK(f.gpu.screened().size() >= 24);
  // Ended between the two decisions there is a winner of bursts, which is not what was asked for.
  Fixture g;
  ended.stop = [&] { return !g.gpu.calls.empty() && g.gpu.calls.back().first == Effort::decide; };
  CHECK(g.run({kBig}, ended).empty());
  CHECK(g.store.winners().size() == 1);
  CHECK(g.run({kBig}, sustained).at(0).config == winner.config);
}

TEST_CASE("what fails at sustained clocks alone is not tried there again") {
  Fixture f;
  TuneOptions sustained = trials(16);
  sustained.regime = Regime::sustained;
  const TuningRecord burst = f.run({kBig}, trials(16)).at(0);
  f.gpu.failing_sustained = {format(burst.config)};
  const TuningRecord winner = f.run({kBig}, sustained).at(0);
  CHECK_FALSE(winner.config == burst.config);
  const auto is_tried = [&](const TuneOptions& options) {
    f.gpu.calls.clear();
    f.run({kBig}, options);
    const std::vector<KernelConfig>& finalists = f.gpu.calls.back().second;
    return f.gpu.calls.back().first == Effort::sustain && std::ranges::find(finalists, burst.config) != finalists.end();
  };
  sustained.retune = true;
  CHECK_FALSE(is_tried(sustained));
  sustained.retry_failed = true;
  CHECK(is_tried(sustained));
}

TEST_CASE("what failed is tried again where that is asked for") {
  Fixture f;
  const TuningRecord best = f.run({kBig}, trials(16)).at(0);
  Fixture g;
  g.gpu.failing = {format(best.config)};
  g.run({kBig}, trials(16));
  g.gpu.failing = {};
  g.gpu.calls.clear();
  TuneOptions retry = trials(16);
  retry.retry_failed = true;
  g.run({kBig}, retry);
  REQUIRE_FALSE(g.gpu.screened().empty());
  CHECK(g.gpu.screened().front() == best.config);
  g.gpu.calls.clear();
  g.run({kBig}, retry);
  CHECK(g.gpu.calls.empty());  // nothing is left that failed
}

TEST_CASE("what was killed from outside is tried again by the next run, and then no more") {
  const std::string reason = GENERATE("the compiler was killed (signal 9)", "the compiler crashed (signal 9)");
  Fixture f;
  f.gpu.reason = reason;
  const std::vector<KernelConfig> order = model_order(kBig, 8);
  for (std::size_t i = 0; i < 7; ++i) f.gpu.failing.insert(format(order[i]));
  CHECK(f.predict_only({kBig}).at(0).config == order[7]);
  f.gpu.failing = {format(order[1])};
  f.gpu.compiled = 0;
  CHECK(f.predict_only({kBig}).at(0).config == order[0]);
  CHECK(f.gpu.compiled == 7);
  f.gpu.failing.clear();
  CHECK(f.predict_only({kBig}).size() == 1);
  CHECK(f.gpu.compiled == 8);
  CHECK(f.predict_only({kBig}).size() == 1);
  CHECK(f.gpu.compiled == 8);
}

TEST_CASE("what was killed while it was measured is tried first by the next run, and can win") {
  Fixture f;
  const TuningRecord best = f.run({kBig}, trials(16)).at(0);
  Fixture g;
  g.gpu.failing = {format(best.config)};
  g.gpu.reason = "the process that ran it was killed (signal 9)";
  g.gpu.factors[format(best.config)] = 0.5;
  CHECK(g.run({kBig}, trials(16)).at(0).config != best.config);
  g.gpu.failing = {};
  g.gpu.calls.clear();
  CHECK(g.run({kBig}, trials(16)).at(0).config == best.config);
  CHECK(g.gpu.screened().at(0) == best.config);
  CHECK(g.gpu.screened().size() < 16);
  g.gpu.calls.clear();
  g.run({kBig}, trials(16));
  CHECK(g.gpu.calls.empty());
}

TEST_CASE("a kill while nothing was measured does not doubt what was measured") {
  Fixture f;
  f.run({kBig}, trials(8));
  f.gpu.all_fail = true;
  f.gpu.reason = "the compiler was killed (signal 9)";
  TuneOptions retune = trials(8);
  retune.retune = true;
  f.predict_only({kBig}, retune);
  f.gpu.compiled = 0;
  CHECK(f.predict_only({kBig}, trials(8)).at(0).source == Source::measured);
  CHECK(f.gpu.compiled == 0);
}

TEST_CASE("what was measured on another card is not taken for this one's") {
  Fixture f;
  TuneOptions ended = trials(16);
  ended.stop = [&] { return !f.gpu.calls.empty(); };
  f.run({kBig}, ended);
  f.gpu.uuid = "GPU-2";
  f.gpu.calls.clear();
  f.run({kBig}, trials(16));
  CHECK(f.gpu.screened().size() == 16);
}

TEST_CASE("a prediction never replaces a measurement; a measurement replaces a prediction") {
  Fixture f;
  f.predict_only({kBig});
  CHECK(f.predict_only({kBig}).at(0).source == Source::predicted);
  CHECK(f.gpu.compiled == 8);  // the second time from the store
  const TuningRecord measured = f.run({kBig}, trials(8)).at(0);
  CHECK(measured.source == Source::measured);
  TuneOptions retune;
  retune.retune = true;
  const TuningRecord kept = f.predict_only({kBig}, retune).at(0);
  CHECK(kept.source == Source::measured);
  CHECK(kept.config == measured.config);
}
