// SPDX-License-Identifier: Apache-2.0
// Candidates that fail on the device itself: the run finishes, names every one, and the others win.
#include <algorithm>
#include <map>

#include "catch.hpp"
#include "db/fixtures.hpp"
#include "faults.hpp"
#include "gpu_fixture.hpp"
#include "tuner/measure/gpu.hpp"
#include "tuner/worker/worker.hpp"

using namespace ditune;
using namespace ditune::test;
using namespace std::chrono_literals;

namespace {

const Operation kLayer = Gemm{256, 512, 1032};  // a K that only mma_s8 takes

// Memory that the test keeps, so that the fault "out-of-memory" finds too little on a card of any size.
DeviceBuffer all_but(std::size_t left) {
  std::size_t free = 0, total = 0;
  DITUNE_CUDA(cudaMemGetInfo(&free, &total));
  return DeviceBuffer(free > left ? free - left : 0);
}

// In the order in which they are tried.
std::vector<KernelConfig> first_tried(const Target& target, std::size_t count) {
  return make_strategy("exhaustive", target, {}, 0)->propose(count);
}

}  // namespace

TEST_CASE(
    "gpu: an illegal address, an infinite loop, a wrong result, an out-of-memory: the run finishes and names all") {
  constexpr int kTrials = 24;
  const Target target = gpu().target(kLayer);
  const std::vector<KernelConfig> guilty = first_tried(target, kFaults.size());
  WorkerOptions worker{.command = {"/proc/self/exe", "worker"}, .run_limit = 5s};
  for (const KernelConfig& config : guilty) worker.command.push_back(format(config));

  const DeviceBuffer kept = all_but(std::size_t{16} << 30);
  const TempFolder folder;
  Store store = Store::open(folder / "tuning.db");
  TuneOptions options;
  options.strategy = "exhaustive";
  options.trials = kTrials;
  const std::vector<TuningRecord> winners = tune({kLayer}, target.device, options, worker_backend(worker), store);

  std::map<std::string, std::string> failures;  // by config; a config that spills is refused before it runs
  std::size_t measured = 0;
  for (const Trial& trial : store.trials()) {
    if (trial.measurement.ok()) ++measured;
    if (!trial.measurement.ok() && trial.measurement.failure.find("spills") != 0)
      failures[format(trial.config)] = trial.measurement.failure;
  }
  CHECK(failures.size() == kFaults.size());
  CHECK_THAT(failures[format(guilty[0])], Catch::Contains("illegal memory access"));
  CHECK_THAT(failures[format(guilty[1])], Catch::Contains("did not end within 5 s"));
  CHECK_THAT(failures[format(guilty[2])], Catch::Contains("outputs wrong"));
  CHECK_THAT(failures[format(guilty[3])], Catch::Contains("out of memory"));
  CHECK(measured > 0);

  REQUIRE(winners.size() == 1);
  const KernelConfig& winner = winners.front().config;
  CHECK(std::ranges::find(guilty, winner) == guilty.end());
  CHECK(winners.front().source == Source::measured);
  const std::vector<Verdict> verdicts = GpuTuner(GpuOptions{}).verify(target, {&winner, 1});
  CHECK(verdicts.at(0).failure == "");
}

TEST_CASE("gpu: through a worker a candidate is measured as it is here") {
  const Target target = gpu().target(kLayer);
  const std::vector<KernelConfig> configs = first_tried(target, 1);
  const TuneBackend isolated = worker_backend({.command = {"/proc/self/exe", "worker"}});
  const std::vector<Measurement> results = isolated.measure(target, configs, Effort::screen);
  CHECK(results.at(0).failure == "");
  CHECK(results.at(0).median_us > 0);
  CHECK(results.at(0).resources == GpuTuner(GpuOptions{}).backend().compile(target, configs).at(0).resources);
  CHECK(isolated.provenance().gpu_uuid == device_uuid(0));
}
