// SPDX-License-Identifier: Apache-2.0
// Captures the linears of one block of Ideogram 4 in a CUDA graph, replays it and prints what a block takes. Links
// ditune::ditune and the CUDA runtime.
//
//   graph [TOKENS] [DATABASE]
//
// TOKENS: of image and text, 6144 if left out (1024x1024 and 2048 of text). The linears are as they follow one another
// in the model, but no activation flows between them: attention, norms and quantization are not part of ditune, so each
// has an X of its own. What the graph writes must be, bit for bit, what the same launches write outside of it.
// Exit 0: it is. 1: it is not, or something failed. 77: there is no GPU.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ditune/runtime.hpp"
#include "operands.hpp"

namespace {

using namespace example;

constexpr std::int64_t kTokens = 4096 + 2048;
constexpr int kReplays = 20;

struct Linear {
  const char* name;
  std::int64_t m;  // 0: the tokens
  std::int64_t n, k;
  const char* epilogue;
};
constexpr Linear kBlock[] = {
    {"adaln", 1, 18432, 512, "bias=bf16"},  {"qkv", 0, 13824, 4608, "default"},  {"o", 0, 4608, 4608, "default"},
    {"gate_up", 0, 24576, 4608, "default"}, {"down", 0, 4608, 12288, "default"},
};

// A linear with its kernel and its operands on the GPU; Y is bf16.
class Layer {
 public:
  Layer(const ditune::Runtime& runtime, const ditune::Gemm& gemm, std::minstd_rand& random)
      : prepared_(&runtime.prepare(gemm, 0)),
        x_(upload(random_int8(size(gemm.m * gemm.k), random))),
        w_(upload(random_int8(size(gemm.n * gemm.k), random))),
        sx_(upload(random_scales(size(gemm.m), random))),
        sw_(upload(random_scales(size(gemm.n), random))),
        bias_(gemm.epilogue.bias == ditune::Bias::none ? nullptr : upload(random_bf16(size(gemm.n), random))),
        y_(allocate_zeroed(y_bytes())) {}

  const ditune::Prepared& prepared() const { return *prepared_; }

  void launch(const ditune::Runtime& runtime, void* workspace, const Stream& stream) const {
    const ditune::Gemm& gemm = this->gemm();
    ditune::GemmArgs args{};
    args.x = static_cast<const signed char*>(x_.get());
    args.w = static_cast<const signed char*>(w_.get());
    args.y = y_.get();
    args.sx = static_cast<const float*>(sx_.get());
    args.sw = static_cast<const float*>(sw_.get());
    args.bias = bias_.get();
    args.workspace = workspace;
    args.m = gemm.m, args.n = gemm.n, args.k = gemm.k;
    args.ldx = gemm.k, args.ldw = gemm.k, args.ldy = gemm.n;
    runtime.launch(*prepared_, args, stream.get());
  }

  // So that a launch which writes nothing is seen.
  void poison() const { check(cudaMemset(y_.get(), 0xff, y_bytes()), "cudaMemset"); }
  std::vector<std::uint16_t> result() const { return download<std::uint16_t>(y_, y_bytes() / 2); }

 private:
  static std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }
  const ditune::Gemm& gemm() const { return std::get<ditune::Gemm>(prepared_->operation()); }
  std::size_t y_bytes() const { return size(gemm().m * gemm().n) * 2; }
  // Of 1 to 2, by their bits.
  static std::vector<std::uint16_t> random_bf16(std::size_t count, std::minstd_rand& random) {
    std::vector<std::uint16_t> values(count);
    for (std::uint16_t& value : values) value = static_cast<std::uint16_t>(0x3f80 + random() % 128);
    return values;
  }

  const ditune::Prepared* prepared_;
  DeviceMemory x_, w_, sx_, sw_, bias_, y_;
};

GraphExec capture(const Stream& stream, const std::function<void()>& launches) {
  check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  launches();
  cudaGraph_t captured = nullptr;
  check(cudaStreamEndCapture(stream.get(), &captured), "cudaStreamEndCapture");
  const Graph graph(captured);
  cudaGraphExec_t executable = nullptr;
  check(cudaGraphInstantiate(&executable, graph.get(), 0), "cudaGraphInstantiate");
  return GraphExec(executable);
}

Event make_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "cudaEventCreate");
  return Event(event);
}

// The mean of kReplays, back to back.
double microseconds(const GraphExec& graph, const Stream& stream) {
  const Event begin = make_event(), end = make_event();
  check(cudaEventRecord(begin.get(), stream.get()), "cudaEventRecord");
  for (int i = 0; i < kReplays; ++i) check(cudaGraphLaunch(graph.get(), stream.get()), "cudaGraphLaunch");
  check(cudaEventRecord(end.get(), stream.get()), "cudaEventRecord");
  check(cudaEventSynchronize(end.get()), "the graph");
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()), "cudaEventElapsedTime");
  return 1e3 * milliseconds / kReplays;
}

int run_block(std::int64_t tokens, const char* database) {
  if (!has_gpu()) {
    std::printf("skipped: there is no GPU\n");
    return kSkipped;
  }
  ditune::RuntimeOptions options;
  if (database) options.databases = {database};
  const ditune::Runtime runtime(options);

  // All are prepared before the capture: under one nothing can be loaded or compiled.
  std::minstd_rand random(1);
  std::vector<Layer> layers;
  std::int64_t workspace_bytes = 0;
  for (const Linear& linear : kBlock) {
    const ditune::Gemm gemm{.m = linear.m > 0 ? linear.m : tokens,
                            .n = linear.n,
                            .k = linear.k,
                            .epilogue = ditune::parse_epilogue(linear.epilogue)};
    const ditune::Prepared& prepared = layers.emplace_back(runtime, gemm, random).prepared();
    workspace_bytes = std::max(workspace_bytes, prepared.workspace_bytes());
    std::printf("%-8s %-18s %s, match: %s\n", linear.name, format_shape(gemm).c_str(), prepared.config_text().c_str(),
                std::string(format(prepared.match())).c_str());
    if (!prepared.note().empty()) std::printf("         %s\n", prepared.note().c_str());
  }
  // One for the stream: every launch leaves it zero to the next.
  const DeviceMemory workspace = allocate_zeroed(static_cast<std::size_t>(workspace_bytes));
  const Stream stream = make_stream();
  const auto launch_all = [&] {
    for (const Layer& layer : layers) layer.launch(runtime, workspace.get(), stream);
  };

  for (const Layer& layer : layers) layer.poison();
  launch_all();
  check(cudaStreamSynchronize(stream.get()), "the launches");
  std::vector<std::vector<std::uint16_t>> expected;
  for (const Layer& layer : layers) {
    expected.push_back(layer.result());
    layer.poison();
  }

  const GraphExec graph = capture(stream, launch_all);
  const auto replay_is_right = [&] {
    check(cudaGraphLaunch(graph.get(), stream.get()), "cudaGraphLaunch");
    check(cudaStreamSynchronize(stream.get()), "the graph");
    bool right = true;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (layers[i].result() == expected[i]) continue;
      std::printf("%s is not what it is outside of the graph\n", kBlock[i].name);
      right = false;
    }
    return right;
  };
  bool right = replay_is_right();
  const double block_us = microseconds(graph, stream);
  right = replay_is_right() && right;  // what so many replays left in the workspace did no harm
  std::printf("%.1f us a block, %s\n", block_us, right ? "every bit as outside of the graph" : "WRONG");
  return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_block(argc > 1 ? std::atoll(argv[1]) : kTokens, argc > 2 ? argv[2] : nullptr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "graph: %s\n", error.what());
    return 1;
  }
}
