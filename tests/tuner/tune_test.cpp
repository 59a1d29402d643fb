#include "tuner/tune.hpp"

#include <algorithm>

#include "catch.hpp"
#include "db/fixtures.hpp"
#include "embedded.hpp"
#include "fake_gpu.hpp"

using namespace ditune;
using namespace ditune::test;
using namespace std::chrono_literals;

namespace {

const Layer kBig{{4096, 4608, 4608}, {}};
const Layer kSmall{{16, 4608, 4608}, {}};
const Layer kOther{{32, 4608, 4608}, {}};

const DeviceInfo& device() { return reference_device(SmArch{90}); }

struct Fixture {
  TempFolder folder;
  Store store = Store::open(folder / "tuning.db");
  FakeGpu gpu;

  std::vector<TuningRecord> run(const std::vector<Layer>& layers, const TuneOptions& options = {}) {
    return tune(layers, device(), options, gpu.backend(), store);
  }
  std::vector<TuningRecord> predict_only(const std::vector<Layer>& layers, const TuneOptions& options = {}) {
    return tune(layers, device(), options, gpu.compile_backend(), store);
  }
  std::ptrdiff_t trials_with(const std::string& failure) const {
    const std::vector<Trial> all = store.trials();
    return std::count_if(all.begin(), all.end(),
                         [&](const Trial& trial) { return trial.measurement.failure == failure; });
  }
  std::size_t trials_of(const Layer& layer) const {
    RecordFilter filter;
    filter.problems = {layer.problem};
    return store.trials(filter).size();
  }
};

TuneOptions trials(int count) {
  TuneOptions options;
  options.trials = count;
  return options;
}

Target target_of(const Layer& layer) { return {layer.problem, layer.epilogue, device()}; }

// The first `count` candidates as the model ranks them.
std::vector<KernelConfig> model_order(const Layer& layer, std::size_t count) {
  return make_strategy("exhaustive", target_of(layer), {}, 0)->propose(count);
}

// A winner of older templates, with the model's 20th best config.
TuningRecord stale_winner() {
  TuningRecord record;
  record.key = {device_class(device()), kBig.problem, kBig.epilogue, "0000000000000000"};
  record.config = enumerate(target_of(kBig)).back();
  record.source = Source::measured;
  record.median_us = 1;
  return record;
}

}  // namespace

TEST_CASE("tune measures, stores every trial and the winner") {
  Fixture f;
  const std::vector<TuningRecord> winners = f.run({kBig}, trials(40));
  REQUIRE(winners.size() == 1);
  const TuningRecord& winner = winners.front();
  CHECK(winner.source == Source::measured);
  CHECK(winner.key.problem == kBig.problem);
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
  CHECK(winners[0].key.problem == kBig.problem);
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

TEST_CASE("what failed is not tried again, unless that is asked for or the toolchain is another") {
  Fixture f;
  const TuningRecord best = f.run({kBig}, trials(8)).at(0);
  const auto was_tried = [&](const TuneOptions& options) {
    const auto is_its = [&](const Trial& trial) { return trial.config == best.config; };
    const auto before = std::ranges::count_if(f.store.trials(), is_its);
    f.run({kBig}, options);
    return std::ranges::count_if(f.store.trials(), is_its) > before;
  };
  TuneOptions retune = trials(8);
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
  for (const KernelConfig& config : f.gpu.screened())
    if (config != first.config)
      f.gpu.factors[format(config)] = first.median_us * 1.001 / FakeGpu::cost(config, target_of(kBig), Effort::decide);
  CHECK(f.run({kBig}, retune).at(0).config == first.config);
  REQUIRE(f.store.winners().size() == 1);
  CHECK(f.store.winners().front().tied.size() >= 3);
  f.gpu.factors = {{format(first.config), 1.05}};
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

TEST_CASE("a stale winner does not stand, but is tried first") {
  Fixture f;
  f.store.set_winner(stale_winner());
  const TuningRecord winner = f.run({kBig}, trials(16)).at(0);
  CHECK(f.gpu.screened().front() == stale_winner().config);
  CHECK(winner.key.template_hash == template_hash(family_name(winner.config)));
  CHECK(f.store.winners().size() == 2);  // the stale one stays
}

TEST_CASE("a layer's winner is tried first on the next one like it") {
  Fixture f;
  const Layer like{{4352, 4608, 4608}, {}};
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
  const Layer tiny{{1, 32, 64}, {}};
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

TEST_CASE("a winner that another family beats does not come back with its old time") {
  Fixture f;
  const TuningRecord first = f.run({kBig}, trials(16)).at(0);
  const auto is_other_family = [&](const KernelConfig& config) { return config.index() != first.config.index(); };
  const std::vector<KernelConfig> candidates = enumerate(target_of(kBig));
  const KernelConfig other = *std::ranges::find_if(candidates, is_other_family);
  // All got slower since, but one of the other family.
  for (const KernelConfig& config : candidates) f.gpu.factors[format(config)] = 3;
  f.gpu.factors[format(other)] = 1.5 * first.median_us / FakeGpu::cost(other, target_of(kBig), Effort::decide);
  TuneOptions retune = trials(static_cast<int>(candidates.size()));
  retune.retune = true;
  CHECK(f.run({kBig}, retune).at(0).config == other);
  CHECK(f.store.winners().size() == 2);  // a family each
  CHECK(f.run({kBig}, trials(16)).at(0).config == other);
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

TEST_CASE("progress counts up, within the number of trials") {
  Fixture f;
  std::vector<TuneProgress> seen;
  tune({kBig, kSmall}, device(), trials(32), f.gpu.backend(), f.store,
       [&](const TuneProgress& progress) { seen.push_back(progress); });
  REQUIRE(seen.size() == 18);  // before and after each batch, and before each final
  CHECK(seen.front().tried == 0);
  CHECK(seen.front().best_us == 0);
  CHECK(seen.front().layers == 2);
  CHECK(seen.at(7).tried == 32);
  CHECK(seen.at(7).trials == 32);
  CHECK(seen.at(7).best_us > 0);
  CHECK(seen.back().layer == 1);
  CHECK(seen.back().target.problem == kSmall.problem);
  CHECK_FALSE(seen.back().trying.empty());
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

TEST_CASE("wrong requests are refused before anything is measured") {
  Fixture f;
  TuneOptions unknown;
  unknown.strategy = "clever";
  CHECK_THROWS_AS(f.run({kBig}, unknown), UsageError);
  CHECK_THROWS_AS(f.run({kBig}, trials(0)), UsageError);
  CHECK_THROWS_AS(f.run({kBig, {{0, 1, 1}, {}}}), UsageError);
  CHECK(f.gpu.calls.empty());
  CHECK(f.store.trials().empty());
}
