// How long a lookup takes among ten thousand records: it is on the way of every launch that keeps no answer.
#include <benchmark/benchmark.h>

#include "ditune/library.hpp"
#include "embedded.hpp"

namespace {

using namespace ditune;

constexpr int kRecords = 10'000;
constexpr std::int64_t kRowsPerLayer = 10;  // m = 256, 512, ...
const DeviceInfo& kCard = find_device("RTX 3090");

GemmProblem problem(std::int64_t layer, std::int64_t row) { return {256 << row, 4608 + 16 * layer, 4608}; }

const Library& library() {
  static const Library instance = [] {
    std::vector<TuningRecord> records;
    const std::string hash = template_hash("mma_s8");
    const KernelConfig config = parse_config("mma_s8:tile=128x128x64,warps=2x2,stages=3");
    for (std::int64_t i = 0; i < kRecords; ++i) {
      TuningRecord record;
      record.key = {device_class(kCard), problem(i / kRowsPerLayer, i % kRowsPerLayer), {}, hash};
      record.config = config;
      record.source = Source::measured;
      record.median_us = 100;
      records.push_back(record);
    }
    return Library(std::move(records));
  }();
  return instance;
}

// Asks for `asked` and stops if the answer is not of the kind that is to be timed.
void lookup(benchmark::State& state, const GemmProblem& asked, Match expected) {
  const Library& records = library();
  for (auto _ : state) {
    const LookupResult found = records.lookup(asked, {}, kCard);
    if (found.match != expected) state.SkipWithError("another match than expected");
    benchmark::DoNotOptimize(found);
  }
}

void exact(benchmark::State& state) { lookup(state, problem(500, 4), Match::exact); }
void nearest_m(benchmark::State& state) { lookup(state, {5000, 4608 + 16 * 500, 4608}, Match::nearest_m); }
void model(benchmark::State& state) { lookup(state, {4096, 999, 999}, Match::model); }

BENCHMARK(exact);
BENCHMARK(nearest_m);
BENCHMARK(model)->Unit(benchmark::kMillisecond);

}  // namespace
