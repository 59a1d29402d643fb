// SPDX-License-Identifier: Apache-2.0
// Winners of older templates: those that are taken over, and those that are tuned again.
#include <algorithm>
#include <string>
#include <vector>

#include "catch.hpp"
#include "generator/emit.hpp"
#include "generator/search_space.hpp"
#include "runtime/nvrtc.hpp"
#include "templates/embedded.hpp"
#include "tune_fixture.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// A winner of older templates, with the model's 20th best config.
TuningRecord stale_winner() {
  TuningRecord record;
  record.key = {device_class(device()), kBig, "0000000000000000"};
  record.config = enumerate(target_of(kBig)).back();
  record.source = Source::measured;
  record.median_us = 1;
  return record;
}

}  // namespace

TEST_CASE("a stale winner whose kernel is the same today is taken over, and nothing is measured") {
  Fixture f;
  TuningRecord stale = stale_winner();
  stale.tied = {model_order(kBig, 1).front()};
  stale.provenance.gpu_uuid = "GPU-0";
  const std::string cubin = "cubin of " + format(stale.config);  // as the fake GPU makes it
  f.store.set_winner(stale, cubin);
  const std::vector<TuningRecord> winners = f.run({kBig});
  REQUIRE(winners.size() == 1);
  CHECK(f.gpu.calls.empty());
  CHECK(f.gpu.compiled == 1);
  CHECK(winners[0].key.template_hash == template_hash(stale.config));
  CHECK(winners[0].config == stale.config);
  CHECK(winners[0].median_us == stale.median_us);
  CHECK(winners[0].provenance == stale.provenance);
  CHECK(winners[0].tied.empty());
  CHECK(f.store.cubin(winners[0].cubin_hash) == cubin);
  CHECK(f.store.winners().size() == 2);  // the stale one stays
  f.run({kBig});
  CHECK(f.gpu.compiled == 1);
  // Without a GPU, too: a compiler is enough.
  Fixture other;
  other.store.set_winner(stale, cubin);
  CHECK(other.predict_only({kBig}).at(0).source == Source::measured);
}

TEST_CASE("a stale winner of which today's template makes another kernel, or none, is tuned again") {
  const auto runs_again = [](const std::string& cubin, bool compiles) {
    Fixture f;
    f.store.set_winner(stale_winner(), cubin);
    if (!compiles) f.gpu.failing = {format(stale_winner().config)};
    const TuningRecord winner = f.run({kBig}, trials(8)).at(0);
    return !f.gpu.calls.empty() && winner.median_us != stale_winner().median_us;
  };
  const std::string cubin = "cubin of " + format(stale_winner().config);
  CHECK(runs_again("another", true));
  CHECK(runs_again("", true));  // nobody knows which it was
  CHECK(runs_again(cubin, false));
  CHECK_FALSE(runs_again(cubin, true));
}

TEST_CASE("a stale winner is taken over if today's machine code is the same, whatever names are in the cubin") {
  const auto cubin_of = [](const std::string& before, const std::string& value) {
    const KernelSource source{"k", before + "extern \"C\" __global__ void k(int* y) { *y = " + value + "; }"};
    return Nvrtc().compile(source, {90}).cubin;
  };
  const std::string old = cubin_of("", "3");
  const std::string today = cubin_of("struct Added { int member; };\ninline constexpr Added kAdded{5};\n", "3");
  REQUIRE((today != old));
  TuningRecord stale = stale_winner();
  stale.resources.registers = 100;  // as the fake GPU's compiler says
  const auto is_taken = [&](const TuningRecord& record, const std::string& cubin) {
    Fixture f;
    f.store.set_winner(record, old);
    f.gpu.cubins = {{format(record.config), cubin}};
    const TuningRecord winner = f.run({kBig}, trials(8)).at(0);
    if (!f.gpu.calls.empty()) return false;
    CHECK(winner.key.template_hash == template_hash(record.config));
    CHECK(winner.median_us == record.median_us);
    CHECK((f.store.cubin(winner.cubin_hash) == cubin));
    return true;
  };
  CHECK(is_taken(stale, today));
  CHECK_FALSE(is_taken(stale, cubin_of("", "4")));
  CHECK_FALSE(is_taken(stale, "no cubin"));
  for (int ResourceUsage::*changed :
       {&ResourceUsage::registers, &ResourceUsage::spill_bytes, &ResourceUsage::shared_bytes}) {
    TuningRecord other = stale;
    other.resources.*changed += 8;
    CHECK_FALSE(is_taken(other, today));
    CHECK(is_taken(other, old));  // byte for byte the same
  }
}

TEST_CASE("a stale winner of one regime is not taken over for the other") {
  Fixture f;
  f.store.set_winner(stale_winner(), "cubin of " + format(stale_winner().config));
  TuneOptions sustained = trials(8);
  sustained.regime = Regime::sustained;
  const TuningRecord winner = f.run({kBig}, sustained).at(0);
  CHECK(winner.key.regime == Regime::sustained);
  CHECK(winner.power_w == 700);
  const std::vector<TuningRecord> all = f.store.winners();
  CHECK(std::ranges::count_if(all, [](const TuningRecord& record) {
          return record.key.regime == Regime::burst && record.median_us == stale_winner().median_us;
        }) == 2);
}

TEST_CASE("a stale winner does not stand, but is tried first") {
  Fixture f;
  f.store.set_winner(stale_winner());
  const TuningRecord winner = f.run({kBig}, trials(16)).at(0);
  CHECK(f.gpu.screened().front() == stale_winner().config);
  CHECK(winner.key.template_hash == template_hash(family_name(winner.config)));
  CHECK(f.store.winners().size() == 2);  // the stale one stays
}
