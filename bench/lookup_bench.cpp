// SPDX-License-Identifier: Apache-2.0
// How long a lookup takes among ten thousand records: it is on the way of every launch that keeps no answer; and what
// the library does for a launch before the driver's part.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>

#include "bench/no_driver.hpp"
#include "db/store.hpp"
#include "ditune/runtime.hpp"
#include "runtime/runtime_parts.hpp"
#include "templates/embedded.hpp"

namespace {

using namespace ditune;

constexpr int kRecords = 10'000;
constexpr std::int64_t kRowsPerLayer = 10;  // m = 256, 512, ...
const DeviceInfo& kCard = find_device("RTX 3090");

Gemm problem(std::int64_t layer, std::int64_t row) { return {256 << row, 4608 + 16 * layer, 4608}; }

std::vector<TuningRecord> records() {
  std::vector<TuningRecord> all;
  const std::string hash = template_hash("mma_s8");
  for (std::int64_t i = 0; i < kRecords; ++i) {
    TuningRecord record;
    record.key = {device_class(kCard), problem(i / kRowsPerLayer, i % kRowsPerLayer), hash};
    record.config = parse_config(i % 2 == 0 ? "mma_s8:tile=128x128x64,warps=2x2,stages=3"
                                            : "mma_s8:tile=128x256x64,warps=2x4,stages=3");
    record.source = Source::measured;
    record.median_us = 100;
    all.push_back(record);
  }
  return all;
}

const Library& library() {
  static const Library instance(records());
  return instance;
}

// Asks for `asked` and stops if the answer is not of the kind that is to be timed.
void lookup(benchmark::State& state, const Gemm& asked, Match expected) {
  const Library& records = library();
  for (auto _ : state) {
    const LookupResult found = records.lookup(asked, kCard);
    if (found.match != expected) state.SkipWithError("another match than expected");
    benchmark::DoNotOptimize(found);
  }
}

void exact(benchmark::State& state) { lookup(state, problem(500, 4), Match::exact); }
void nearest_m(benchmark::State& state) { lookup(state, {5000, 4608 + 16 * 500, 4608}, Match::nearest_m); }
void kept_model(benchmark::State& state) { lookup(state, {4096, 999, 999}, Match::model); }

// Each time of a problem that nobody asked for before.
void first_model(benchmark::State& state) {
  const Library fresh(std::vector<TuningRecord>{});
  Gemm asked{4096, 999, 999};
  for (auto _ : state) {
    ++asked.m;
    benchmark::DoNotOptimize(fresh.lookup(asked, kCard));
  }
}

// The first question about a layer, of ten winners.
void first_of_layer(benchmark::State& state) {
  const std::vector<TuningRecord> all = records();
  for (auto _ : state) {
    state.PauseTiming();
    const Library fresh({all.begin(), all.begin() + kRowsPerLayer});
    state.ResumeTiming();
    benchmark::DoNotOptimize(fresh.lookup(Gemm{5000, 4608, 4608}, kCard));
  }
}

void load(benchmark::State& state) {
  const std::vector<TuningRecord> all = records();
  for (auto _ : state) benchmark::DoNotOptimize(Library(all));
}

Runtime runtime() {
  RuntimeParts parts;
  parts.records = records();
  parts.stored = [](const TuningRecord&) { return "a cubin"; };
  parts.driver = std::make_shared<NoDriver>(kCard);
  return Runtime(std::move(parts));
}

// Addresses that nothing reads.
GemmArgs addresses(const Gemm& problem) {
  GemmArgs args{};
  args.x = reinterpret_cast<const signed char*>(std::uintptr_t{1} << 40);
  args.w = args.x + (std::int64_t{1} << 36);
  args.y = const_cast<signed char*>(args.w) + (std::int64_t{1} << 36);
  args.sx = reinterpret_cast<const float*>(static_cast<char*>(args.y) + (std::int64_t{1} << 36));
  args.sw = args.sx + (1 << 30);
  args.m = problem.m, args.n = problem.n, args.k = problem.k;
  args.ldx = args.ldw = problem.k, args.ldy = problem.n;
  return args;
}

void launch_prepared(benchmark::State& state) {
  const Runtime its = runtime();
  const GemmArgs args = addresses(problem(500, 4));
  const Prepared& prepared = its.prepare(problem(500, 4), 0);
  for (auto _ : state) its.launch(prepared, args, nullptr);
}

void launch_by_arguments(benchmark::State& state) {
  const Runtime its = runtime();
  const GemmArgs args = addresses(problem(500, 4));
  for (auto _ : state) its.launch(args, {}, 0, nullptr);
}

BENCHMARK(launch_prepared);
BENCHMARK(launch_by_arguments);
// One lookup after the other of problems that were asked before, in an order that no cache knows, each by the clock,
// whose own time is in it.
void each(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  std::vector<Gemm> asked;
  for (std::int64_t i = 0; i < kRecords; ++i) asked.push_back(problem(i / kRowsPerLayer, i % kRowsPerLayer));
  std::ranges::shuffle(asked, std::mt19937(1));
  for (const Gemm& its : asked) library().lookup(its, kCard);
  std::vector<double> ns, clock_ns;
  std::size_t i = 0;
  for (auto _ : state) {
    const auto before = Clock::now();
    const auto began = Clock::now();
    benchmark::DoNotOptimize(library().lookup(asked[i], kCard));
    const auto ended = Clock::now();
    clock_ns.push_back(std::chrono::duration<double, std::nano>(began - before).count());
    ns.push_back(std::chrono::duration<double, std::nano>(ended - began).count());
    i = (i + 1) % asked.size();
  }
  const auto quantile = [](std::vector<double>& values, double part) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size()));
    std::ranges::nth_element(values, at);
    return *at;
  };
  state.counters["clock_p50_ns"] = quantile(clock_ns, 0.5);
  state.counters["p50_ns"] = quantile(ns, 0.5);
  state.counters["p99_ns"] = quantile(ns, 0.99);
}

// A file of ten thousand winners.
class File {
 public:
  File() : folder_(std::filesystem::temp_directory_path() / ("ditune_lookup_bench_" + std::to_string(getpid()))) {
    std::filesystem::create_directory(folder_);
    Store store = Store::open(path());
    for (const TuningRecord& record : records()) store.set_winner(record);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::filesystem::path path() const { return folder_ / "tuning.db"; }

 private:
  std::filesystem::path folder_;
};

void open_file(benchmark::State& state) {
  const File file;
  for (auto _ : state) benchmark::DoNotOptimize(Runtime(RuntimeOptions{.databases = {file.path()}}));
}

BENCHMARK(open_file)->Unit(benchmark::kMillisecond);
BENCHMARK(each)->Iterations(200'000);
BENCHMARK(exact)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(nearest_m)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(kept_model);
BENCHMARK(first_model)->Unit(benchmark::kMillisecond)->Iterations(200);
BENCHMARK(first_of_layer)->Unit(benchmark::kMicrosecond)->Iterations(200);
BENCHMARK(load)->Unit(benchmark::kMillisecond);

}  // namespace
