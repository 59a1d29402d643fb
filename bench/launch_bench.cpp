// SPDX-License-Identifier: Apache-2.0
// What the runtime library adds to a launch, and how long the first launch of a stored winner takes. Needs a GPU and
// NVRTC.
#include <benchmark/benchmark.h>
#include <ditune/ditune.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "db/store.hpp"
#include "ditune/error.hpp"
#include "ditune/runtime.hpp"
#include "generator/emit.hpp"
#include "generator/launch_plan.hpp"
#include "generator/search_space.hpp"
#include "runtime/cuda.hpp"
#include "runtime/nvrtc.hpp"
#include "runtime/tensor_map.hpp"

namespace {

using namespace ditune;

// Little work: the queue never holds up who launches.
constexpr Gemm kProblem{16, 256, 256};
constexpr int kBatch = 200;  // launches between waits; a stream's queue holds 1,024
constexpr int kBatches = 100;

void require(ditune_status status) {
  if (status != DITUNE_OK) throw UsageError(ditune_last_error(), "");
}

// A database with one winner and its kernel, in a folder that is removed with it.
class Stored {
 public:
  explicit Stored(const KernelConfig& config) : folder_(new_folder()) {
    const DeviceInfo device = device_info(0);
    const CompiledKernel compiled = Nvrtc().compile(emit(config, {}), device.arch);
    TuningRecord record;
    record.key = {device_class(device), kProblem, template_hash(config)};
    record.config = config;
    record.source = Source::measured;
    record.median_us = 10;
    Store::open(path()).set_winner(record, compiled.cubin);
    cubin = compiled.cubin, name = compiled.name;
  }
  Stored(const Stored&) = delete;
  Stored& operator=(const Stored&) = delete;
  ~Stored() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  std::filesystem::path path() const { return folder_ / "tuning.db"; }

  std::string cubin, name;

 private:
  static std::filesystem::path new_folder() {
    const auto folder =
        std::filesystem::temp_directory_path() / ("ditune_launch_bench_" + std::to_string(std::random_device()()));
    std::filesystem::create_directory(folder);
    return folder;
  }
  std::filesystem::path folder_;
};

// Of one family: what every way to launch it needs.
struct Fixture {
  explicit Fixture(const KernelConfig& its_config)
      : config(its_config), stored(config), x(16 * 256), w(256 * 256), y(2 * 16 * 256), scales(4 * 256) {
    args.x = x.as<std::int8_t>(), args.w = w.as<std::int8_t>(), args.y = y.get();
    args.sx = args.sw = scales.as<float>();
    args.m = kProblem.m, args.n = kProblem.n, args.k = kProblem.k;
    args.ldx = args.ldw = kProblem.k, args.ldy = kProblem.n;
  }

  KernelConfig config;
  Stored stored;
  DeviceBuffer x, w, y, scales;
  GemmArgs args{};
  Stream stream;
};

// The first of a family's candidates.
template <class Config>
KernelConfig first_of() {
  for (const KernelConfig& config : enumerate({kProblem, device_info(0)}))
    if (std::holds_alternative<Config>(config)) return config;
  throw UsageError("the family has no candidate", "");
}

Fixture& mma() {
  static Fixture instance(first_of<MmaS8Config>());
  return instance;
}
Fixture& wgmma() {
  static Fixture instance(first_of<WgmmaS8Config>());
  return instance;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Nanoseconds of a launch, in a batch; without the wait for the ones before.
template <class Launch>
double batch_ns(const Stream& stream, const Launch& launch) {
  using Clock = std::chrono::steady_clock;
  stream.synchronize();
  const auto began = Clock::now();
  for (int i = 0; i < kBatch; ++i) launch();
  return std::chrono::duration<double, std::nano>(Clock::now() - began).count() / kBatch;
}

// The driver's call alone, of a parameter that was made before.
class Bare {
 public:
  explicit Bare(const Fixture& fixture)
      : plan_(launch_plan(fixture.config, Target{kProblem, device_info(0)})),
        parameter_(kernel_parameter(fixture.config, kProblem, fixture.args, encode_tensor_map)) {
    const std::string& cubin = fixture.stored.cubin;
    DITUNE_CUDA(cuda_.library_load_data(&library_, cubin.c_str(), nullptr, nullptr, 0, nullptr, nullptr, 0));
    DITUNE_CUDA(cuda_.library_get_kernel(&kernel_, library_, fixture.stored.name.c_str()));
    DITUNE_CUDA(
        cuda_.kernel_set_attribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, plan_.shared_bytes, kernel_, 0));
    config_.gridDimX = static_cast<unsigned>(plan_.grid);
    config_.blockDimX = static_cast<unsigned>(plan_.block);
    config_.gridDimY = config_.gridDimZ = config_.blockDimY = config_.blockDimZ = 1;
    config_.sharedMemBytes = static_cast<unsigned>(plan_.shared_bytes);
    config_.hStream = fixture.stream.get();
  }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;
  ~Bare() { cuda_.library_unload(library_); }
  void operator()() const {
    void* parameters[] = {const_cast<std::byte*>(parameter_.bytes.data())};  // which is copied from
    DITUNE_CUDA(cuda_.launch_kernel_ex(&config_, reinterpret_cast<CUfunction>(kernel_), parameters, nullptr));
  }

 private:
  LaunchPlan plan_;
  KernelParameter parameter_;
  const CudaApi& cuda_ = cuda_on_device();
  CUlibrary library_ = nullptr;
  CUkernel kernel_ = nullptr;
  CUlaunchConfig config_{};
};

// Batches of both in turn. Counters: a bare launch, and the median of what the other one takes longer in the same turn.
template <class Launch>
void time_launches(benchmark::State& state, const Fixture& fixture, const Launch& launch) {
  const Bare bare(fixture);
  bare();
  launch();
  std::vector<double> bare_ns, added_ns;
  for (auto _ : state) {
    bare_ns.push_back(batch_ns(fixture.stream, bare));
    const double ns = batch_ns(fixture.stream, launch);
    added_ns.push_back(ns - bare_ns.back());
    state.SetIterationTime(1e-9 * ns);
  }
  fixture.stream.synchronize();
  state.counters["bare_ns"] = median(bare_ns);
  state.counters["added_ns"] = median(added_ns);
}

void prepared(benchmark::State& state, Fixture& (*of)()) {
  const Fixture& fixture = of();
  const Runtime runtime(RuntimeOptions{.databases = {fixture.stored.path()}});
  const Prepared& kernel = runtime.prepare(kProblem, 0);
  time_launches(state, fixture, [&] { runtime.launch(kernel, fixture.args, fixture.stream.get()); });
}

void by_arguments(benchmark::State& state, Fixture& (*of)()) {
  const Fixture& fixture = of();
  const Runtime runtime(RuntimeOptions{.databases = {fixture.stored.path()}});
  time_launches(state, fixture, [&] { runtime.launch(fixture.args, {}, 0, fixture.stream.get()); });
}

void c_abi(benchmark::State& state, Fixture& (*of)()) {
  const Fixture& fixture = of();
  const std::string path = fixture.stored.path().string();
  const char* database = path.c_str();
  ditune_open_options options{};
  options.size = sizeof options;
  options.databases = &database;
  options.database_count = 1;
  ditune_runtime runtime = 0;
  require(ditune_open(&options, &runtime));
  ditune_problem problem{};
  problem.size = sizeof problem;
  problem.m = kProblem.m, problem.n = kProblem.n, problem.k = kProblem.k;
  ditune_kernel kernel{};
  require(ditune_prepare(runtime, 0, &problem, &kernel));
  ditune_args args{};
  args.size = sizeof args;
  args.x = fixture.args.x, args.w = fixture.args.w, args.y = fixture.args.y;
  args.sx = args.sw = fixture.args.sx;
  args.ldx = args.ldw = kProblem.k, args.ldy = kProblem.n;
  time_launches(state, fixture, [&] { require(ditune_launch(kernel, &args, fixture.stream.get())); });
  require(ditune_close(runtime));
}

// From an open library to a kernel that ran: it is read, loaded and launched.
void first_launch(benchmark::State& state, Fixture& (*of)()) {
  const Fixture& fixture = of();
  for (auto _ : state) {
    state.PauseTiming();
    {
      const Runtime runtime(RuntimeOptions{.databases = {fixture.stored.path()}});
      state.ResumeTiming();
      runtime.launch(fixture.args, {}, 0, fixture.stream.get());
      fixture.stream.synchronize();
      state.PauseTiming();
    }
    state.ResumeTiming();
  }
}

void register_family(const std::string& family, Fixture& (*of)()) {
  const auto add = [&](const char* name, void (*body)(benchmark::State&, Fixture & (*)())) {
    return benchmark::RegisterBenchmark((family + '/' + name).c_str(), body, of);
  };
  add("prepared", prepared)->UseManualTime()->Iterations(kBatches);
  add("by_arguments", by_arguments)->UseManualTime()->Iterations(kBatches);
  add("c_abi", c_abi)->UseManualTime()->Iterations(kBatches);
  add("first_launch", first_launch)->Unit(benchmark::kMillisecond)->Iterations(20);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (device_count() == 0) {
    std::puts("skipped: no CUDA device");
    return 77;
  }
  register_family("mma_s8", mma);
  if (device_info(0).arch.number == 90) register_family("wgmma_s8", wgmma);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
