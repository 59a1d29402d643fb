// SPDX-License-Identifier: Apache-2.0
// The tuner on the real device, end to end on small problems.
#include <algorithm>

#include "catch.hpp"
#include "db/fixtures.hpp"
#include "gpu_fixture.hpp"
#include "tuner/measure/gpu.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const Operation kLayer = Gemm{256, 512, 1024, {.bias = Bias::bf16}};

}  // namespace

TEST_CASE("gpu: tune measures and stores a winner that verifies") {
  const TempFolder folder;
  Store store = Store::open(folder / "tuning.db");
  const GpuTuner tuner(GpuOptions{});
  TuneOptions options;
  options.trials = 12;
  const DeviceInfo device = device_info(0);
  const std::vector<TuningRecord> winners = tune({kLayer}, device, options, tuner.backend(), store);
  REQUIRE(winners.size() == 1);
  const TuningRecord& winner = winners.front();
  CHECK(winner.source == Source::measured);
  CHECK(winner.median_us > 0);
  CHECK(winner.resources.registers > 0);
  CHECK(winner.resources.spill_bytes == 0);
  CHECK(winner.provenance.gpu_uuid == device_uuid(0));
  CHECK_FALSE(winner.provenance.driver_version.empty());
  const std::optional<GpuState> state = Nvml(device_uuid(0)).state();
  CHECK((winner.provenance.sm_clock_mhz > 0) == (state && state->sm_clock_mhz > 0));
  CHECK_FALSE(store.cubin(winner.cubin_hash).empty());
  const std::vector<Trial> trials = store.trials();
  CHECK(trials.size() >= 12);
  for (const Trial& trial : trials) {
    INFO(format(trial.config));
    const std::string& failure = trial.measurement.failure;
    CHECK((failure.empty() || failure.find("spills") == 0));
  }

  const Target target{kLayer, device};
  const std::vector<Verdict> verdicts = tuner.verify(target, std::vector<KernelConfig>{winner.config});
  CHECK(verdicts.at(0).failure == "");

  const CheckedEntry checked = tuner.timed_entry(target, winner.config);
  REQUIRE(checked.failure == "");
  const std::vector<TimedEntry> entries = {checked.entry};
  const TimingResult timing = time_interleaved(entries, {.rounds = 3, .round_us = 500});
  CHECK(timing.samples_us.at(0).size() == 3);
}

TEST_CASE("gpu: entries outlive the tuner and the turn of another problem") {
  std::vector<TimedEntry> entries;
  {
    const GpuTuner tuner(GpuOptions{});
    for (std::int64_t m : {64, 128}) {
      const Target target = gpu().target(Gemm{m, 256, 512});
      entries.push_back(tuner.timed_entry(target, enumerate(target).front()).entry);
    }
  }
  const TimingResult timing = time_interleaved(entries, {.rounds = 2, .round_us = 500});
  CHECK(timing.samples_us.size() == 2);
}

TEST_CASE("gpu: a config that fails is told, not timed") {
  const GpuTuner tuner(GpuOptions{});
  // More shared memory than any SM has.
  const KernelConfig config = parse_config("mma_s8:tile=256x256x256,warps=2x4,stages=8");
  const CheckedEntry checked = tuner.timed_entry(gpu().target(Gemm{256, 256, 512}), config);
  CHECK_FALSE(checked.ok());
  CHECK_FALSE(checked.entry.launch);
}
