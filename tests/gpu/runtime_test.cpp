// SPDX-License-Identifier: Apache-2.0
// What the runtime library launches on a GPU: stored, compiled and built-in kernels, captured, from many threads.
#include "ditune/runtime.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <thread>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "gemm.hpp"
#include "gpu_fixture.hpp"
#include "kernels/sample.hpp"
#include "runtime/runtime_parts.hpp"
#include "tuner/verify/device_operands.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// A problem with what it must give; launches of one layer at a time.
class Layer {
 public:
  Layer(const Gemm& problem, const Epilogue& epilogue, const Strides& strides, std::uint64_t seed)
      : problem_(problem),
        epilogue_(epilogue),
        operands_({with(problem, epilogue), strides, 1, {.seed = seed}}, *gpu().kernels, stream_) {
    poison();  // what lies between rows is compared, too
    gpu().kernels->run(operands_.operation(), args_of(operands_), stream_);
    expected_ = output();
  }

  Gemm gemm() const { return with(problem_, epilogue_); }
  const Epilogue& epilogue() const { return epilogue_; }
  const Stream& stream() const { return stream_; }

  // With a workspace of that size, zeroed.
  FusedGemmArgs args(std::int64_t workspace_bytes) {
    FusedGemmArgs args = args_of(operands_);
    args.workspace = workspace_.zeros(static_cast<std::size_t>(workspace_bytes), stream_);
    return args;
  }

  void poison() const {
    DITUNE_CUDA(cudaMemsetAsync(args_of(operands_).y, 0xFF, output_bytes(operands_), stream_.get()));
  }

  // Compared on the host: threads do not share the reference kernels' counters.
  bool is_right() const { return output() == expected_; }

 private:
  std::vector<std::byte> output() const {
    std::vector<std::byte> bytes(output_bytes(operands_));
    stream_.synchronize();
    DITUNE_CUDA(cudaMemcpy(bytes.data(), args_of(operands_).y, bytes.size(), cudaMemcpyDeviceToHost));
    return bytes;
  }

  Gemm problem_;
  Epilogue epilogue_;
  Stream stream_;
  DeviceOperands operands_;
  std::vector<std::byte> expected_;
  Workspace workspace_;
};

// Aligned and ragged ones, with few rows and many, the last with gaps between its rows.
std::vector<std::unique_ptr<Layer>> layers() {
  std::vector<std::unique_ptr<Layer>> all;
  for (const Gemm& problem : {Gemm{257, 264, 2064}, Gemm{17, 131, 37}, Gemm{1, 512, 4608}})
    for (const char* epilogue : {"default", "bias=bf16,out=f16"})
      all.push_back(std::make_unique<Layer>(problem, parse_epilogue(epilogue), packed_strides(problem), all.size()));
  const GemmStrides apart{.x = 2080, .w = 2096, .y = 280};
  all.push_back(std::make_unique<Layer>(Gemm{257, 264, 2064}, Epilogue{}, apart, all.size()));
  return all;
}

RuntimeParts parts() {
  RuntimeParts parts;
  parts.driver = cuda_driver();
  parts.compile = [](const KernelConfig& config, const Operation& operation, SmArch arch) {
    CompiledKernel compiled = gpu().nvrtc.compile(emit(config, operation), arch);
    return KernelImage{std::move(compiled.cubin), std::move(compiled.name)};
  };
  return parts;
}

bool launches_right(const Runtime& runtime, Layer& layer, Match match) {
  const Prepared& prepared = runtime.prepare(layer.gemm(), 0);
  INFO(describe(layer.gemm()) << ' ' << prepared.config_text() << ' ' << prepared.note());
  CHECK(prepared.match() == match);
  const FusedGemmArgs args = layer.args(prepared.workspace_bytes());
  for (int launch = 0; launch < 2; ++launch) {  // the workspace is left as it was found
    layer.poison();
    runtime.launch(prepared, args, layer.stream().get());
    if (!layer.is_right()) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("gpu: the runtime compiles the model's choice") {
  const Runtime runtime(parts());
  for (const auto& layer : layers()) CHECK(launches_right(runtime, *layer, Match::model));
}

TEST_CASE("gpu: without a compiler the runtime launches what is built in") {
  RuntimeParts none = parts();
  none.compile = {};
  const Runtime runtime(std::move(none));
  for (const auto& layer : layers()) CHECK(launches_right(runtime, *layer, Match::fallback));
  for (const Epilogue& epilogue : covering_epilogues())
    for (const Gemm& problem : {Gemm{130, 260, 272}, Gemm{17, 131, 37}}) {
      Layer layer(problem, epilogue, packed_strides(with(problem, epilogue)), 6);
      CHECK(launches_right(runtime, layer, Match::fallback));
    }
}

TEST_CASE("gpu: the runtime launches a stored kernel without compiling it") {
  const auto all = layers();
  std::map<std::string, std::string> cubins;
  RuntimeParts stored = parts();
  for (const auto& layer : all) {
    TuningRecord record;
    record.config = enumerate(gpu().target(layer->gemm())).front();
    record.key = {device_class(gpu().device), layer->gemm(), template_hash(record.config)};
    record.source = Source::measured;
    record.median_us = 10;
    const std::string name = emit(record.config, layer->gemm()).name;
    cubins[name] = stored.compile(record.config, layer->gemm(), gpu().device.arch).image;
    stored.records.push_back(record);
  }
  stored.compile = {};
  stored.stored = [cubins](const TuningRecord& record) {
    return cubins.at(emit(record.config, record.key.operation).name);
  };
  const Runtime runtime(std::move(stored));
  for (const auto& layer : all) CHECK(launches_right(runtime, *layer, Match::exact));
}

TEST_CASE("gpu: what is prepared can be captured, what is not is refused and the capture goes on") {
  Runtime runtime(parts());
  for (const auto& layer : layers()) {
    const Prepared& prepared = runtime.prepare(layer->gemm(), 0);
    const FusedGemmArgs args = layer->args(prepared.workspace_bytes());
    FusedGemmArgs unprepared = args;
    unprepared.m -= args.m > 1;
    unprepared.n -= args.m == 1;
    layer->stream().synchronize();
    const Graph graph = Graph::capture(layer->stream(), [&] {
      runtime.launch(args, layer->epilogue(), 0, layer->stream().get());
      CHECK_THROWS_AS(runtime.launch(unprepared, layer->epilogue(), 0, layer->stream().get()), NotPreparedError);
      runtime.launch(prepared, args, layer->stream().get());
    });
    for (int replay = 0; replay < 2; ++replay) {
      layer->poison();
      graph.launch(layer->stream());
      CHECK(layer->is_right());
    }
  }
}

TEST_CASE("gpu: eight threads look up, prepare and launch at once") {
  std::vector<std::vector<std::unique_ptr<Layer>>> of_thread;
  for (int i = 0; i < 8; ++i) of_thread.push_back(layers());
  const Runtime runtime(parts());
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (auto& its : of_thread)
    threads.emplace_back([&] {
      use_device(0);
      for (int round = 0; round < 10; ++round)
        for (const auto& layer : its) {
          const LookupResult found = runtime.lookup(layer->gemm(), 0);
          const Prepared& prepared = runtime.prepare(layer->gemm(), 0);
          const FusedGemmArgs args = layer->args(prepared.workspace_bytes());
          layer->poison();
          runtime.launch(args, layer->epilogue(), 0, layer->stream().get());
          wrong += !layer->is_right() || found.config != prepared.config();
        }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}
