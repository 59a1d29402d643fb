// SPDX-License-Identifier: Apache-2.0
// Captures the linear work of a block of Ideogram 4 in a CUDA graph, replays it and prints what the block takes and
// what each of its launches does. Links ditune::ditune and the CUDA runtime.
//
//   graph [TOKENS] [DATABASE]
//   graph --check [DATABASE]
//
// TOKENS: of image and text, 6144 if left out (1024x1024 pixels and 2048 tokens of text). block.hpp has the launches:
// four GEMMs and what makes their int8 rows; attention is not part of ditune. What the graph writes must be, bit for
// bit, what the same launches write outside of it. --check runs a small block and compares it with float64, too.
// Exit 0: all is right. 1: it is not, or something failed. 77: there is no GPU.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "block.hpp"
#include "ditune/runtime.hpp"
#include "float64_block.hpp"
#include "operands.hpp"

namespace {

using namespace example;

constexpr int kReplays = 30;

// ---- the block's arrays on the GPU

template <class T>
class Device {
 public:
  Device(const Vector<T>& values) : memory_(upload(values)), size_(values.size()) {}
  T* data() const { return static_cast<T*>(memory_.get()); }
  Vector<T> values() const { return download<T>(memory_, size_); }
  // So that a launch which writes nothing is seen.
  void poison() const { check(cudaMemset(memory_.get(), 0xff, size_ * sizeof(T)), "cudaMemset"); }

 private:
  DeviceMemory memory_;
  std::size_t size_;
};

NormParameters<Device> on_device(const NormParameters<Vector>& host) {
  return {host.gate, host.branch_norm, host.norm, host.scale};
}
Weight<Device> on_device(const Weight<Vector>& host) { return {host.w, host.scales}; }
Linear<Device> on_device(const Linear<Vector>& host) { return {host.rows, host.scales, host.y}; }

BlockInputs<Device> on_device(const BlockInputs<Vector>& host) {
  return {
      .x = host.x,
      .y = host.y,
      .attention = on_device(host.attention),
      .mlp = on_device(host.mlp),
      .qkv = on_device(host.qkv),
      .o = on_device(host.o),
      .gate_up = on_device(host.gate_up),
      .down = on_device(host.down),
  };
}

BlockOutputs<Device> on_device(const BlockOutputs<Vector>& host) {
  return {host.h, on_device(host.qkv), on_device(host.o), on_device(host.gate_up), on_device(host.down)};
}

Linear<Vector> on_host(const Linear<Device>& linear) {
  return {linear.rows.values(), linear.scales.values(), linear.y.values()};
}

BlockOutputs<Vector> on_host(const BlockOutputs<Device>& out) {
  return {out.h.values(), on_host(out.qkv), on_host(out.o), on_host(out.gate_up), on_host(out.down)};
}

void poison(const BlockOutputs<Device>& out) {
  out.h.poison();
  for (const Linear<Device>* linear : {&out.qkv, &out.o, &out.gate_up, &out.down}) {
    linear->rows.poison();
    linear->scales.poison();
    linear->y.poison();
  }
}

// ---- the block's launches, with their kernels

class Launches {
 public:
  // All are prepared here: while a stream is captured nothing can be loaded or compiled.
  Launches(const ditune::Runtime& runtime, std::vector<Step> steps) : runtime_(runtime), steps_(std::move(steps)) {
    std::int64_t workspace_bytes = 0;
    for (const Step& step : steps_) {
      prepared_.push_back(&runtime.prepare(step.operation, 0));
      workspace_bytes = std::max(workspace_bytes, prepared_.back()->workspace_bytes());
    }
    // One for the stream: every launch leaves it zero to the next.
    workspace_ = allocate_zeroed(static_cast<std::size_t>(workspace_bytes));
    for (Step& step : steps_)
      if (auto* gemm = std::get_if<ditune::FusedGemmArgs>(&step.args)) gemm->workspace = workspace_.get();
  }

  std::size_t size() const { return steps_.size(); }
  const Step& step(std::size_t i) const { return steps_[i]; }
  const ditune::Prepared& prepared(std::size_t i) const { return *prepared_[i]; }

  void launch(std::size_t i, const Stream& stream) const {
    std::visit([&](const auto& args) { runtime_.launch(*prepared_[i], args, stream.get()); }, steps_[i].args);
  }
  void launch_all(const Stream& stream) const {
    for (std::size_t i = 0; i < size(); ++i) launch(i, stream);
  }

 private:
  const ditune::Runtime& runtime_;
  std::vector<Step> steps_;
  std::vector<const ditune::Prepared*> prepared_;
  DeviceMemory workspace_;
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

void replay(const GraphExec& graph, const Stream& stream) {
  check(cudaGraphLaunch(graph.get(), stream.get()), "cudaGraphLaunch");
}

// ---- times

std::vector<Event> make_events(std::size_t count) {
  std::vector<Event> events;
  for (std::size_t i = 0; i < count; ++i) {
    cudaEvent_t event = nullptr;
    check(cudaEventCreate(&event), "cudaEventCreate");
    events.emplace_back(event);
  }
  return events;
}

double microseconds(const Event& begin, const Event& end) {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()), "cudaEventElapsedTime");
  return 1e3 * milliseconds;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Of replays back to back.
double block_microseconds(const GraphExec& graph, const Stream& stream) {
  const std::vector<Event> events = make_events(kReplays + 1);
  check(cudaEventRecord(events[0].get(), stream.get()), "cudaEventRecord");
  for (int i = 1; i <= kReplays; ++i) {
    replay(graph, stream);
    check(cudaEventRecord(events[static_cast<std::size_t>(i)].get(), stream.get()), "cudaEventRecord");
  }
  check(cudaStreamSynchronize(stream.get()), "the graph");
  std::vector<double> times;
  for (std::size_t i = 0; i < kReplays; ++i) times.push_back(microseconds(events[i], events[i + 1]));
  return median(times);
}

// Of each launch in its place in the block, by a graph with an event between any two: none overlaps the next, so that
// these times add up to more than the block takes.
std::vector<double> launch_microseconds(const Launches& launches, const Stream& stream) {
  const std::vector<Event> events = make_events(launches.size() + 1);
  const auto record = [&](std::size_t i) {
    check(cudaEventRecordWithFlags(events[i].get(), stream.get(), cudaEventRecordExternal), "cudaEventRecordWithFlags");
  };
  const GraphExec graph = capture(stream, [&] {
    record(0);
    for (std::size_t i = 0; i < launches.size(); ++i) {
      launches.launch(i, stream);
      record(i + 1);
    }
  });
  std::vector<std::vector<double>> times(launches.size());
  for (int round = 0; round < kReplays; ++round) {
    replay(graph, stream);
    check(cudaStreamSynchronize(stream.get()), "the graph");
    for (std::size_t i = 0; i < launches.size(); ++i) times[i].push_back(microseconds(events[i], events[i + 1]));
  }
  std::vector<double> medians;
  for (const std::vector<double>& of_launch : times) medians.push_back(median(of_launch));
  return medians;
}

void print_times(const Launches& launches, const GraphExec& graph, const Stream& stream) {
  const double block_us = block_microseconds(graph, stream);
  const std::vector<double> launch_us = launch_microseconds(launches, stream);
  for (std::size_t i = 0; i < launches.size(); ++i) {
    const ditune::Prepared& prepared = launches.prepared(i);
    std::printf("%-12s %8.1f us  %s, match: %s\n", std::string(launches.step(i).name).c_str(), launch_us[i],
                prepared.config_text().c_str(), std::string(format(prepared.match())).c_str());
    if (!prepared.note().empty()) std::printf("             %s\n", prepared.note().c_str());
  }
  std::printf("%-12s %8.1f us, one graph\n", "block", block_us);
}

// ---- checks

// Whether a replay writes what is expected, over poison.
bool replay_is_right(const GraphExec& graph, const Stream& stream, const BlockOutputs<Device>& out,
                     const BlockOutputs<Vector>& expected) {
  poison(out);
  check(cudaDeviceSynchronize(), "cudaMemset");
  replay(graph, stream);
  check(cudaStreamSynchronize(stream.get()), "the graph");
  const bool right = on_host(out) == expected;
  if (!right) std::printf("WRONG: the graph does not write what its launches write outside of it\n");
  return right;
}

bool is_near_float64(const BlockOutputs<Vector>& out, const Float64Block& exact) {
  bool near = true;
  for (const NamedError& one : errors(out, exact)) {
    std::printf("%-8s %.2f%% from float64, %.2f%% is allowed%s\n", one.name, 100 * one.error, 100 * one.allowed,
                one.is_small() ? "" : ": WRONG");
    near = near && one.is_small();
  }
  return near;
}

int run(bool is_check, const BlockSizes& sizes, const char* database) {
  if (!has_gpu()) {
    std::printf("skipped: there is no GPU\n");
    return kSkipped;
  }
  ditune::RuntimeOptions options;
  if (database) options.databases = {database};
  const ditune::Runtime runtime(options);
  const BlockInputs<Vector> host_in = random_inputs(sizes);
  const BlockInputs<Device> in = on_device(host_in);
  BlockOutputs<Device> out = on_device(empty_outputs(sizes));
  const Launches launches(runtime, block(sizes, in, out));
  const Stream stream = make_stream();

  poison(out);
  check(cudaDeviceSynchronize(), "cudaMemset");
  launches.launch_all(stream);
  check(cudaStreamSynchronize(stream.get()), "the launches");
  const BlockOutputs<Vector> expected = on_host(out);

  const GraphExec graph = capture(stream, [&] { launches.launch_all(stream); });
  bool right = replay_is_right(graph, stream, out, expected);
  if (is_check) {
    right = is_near_float64(expected, float64_block(sizes, host_in)) && right;
  } else {
    print_times(launches, graph, stream);
    right = replay_is_right(graph, stream, out, expected) && right;  // so many replays left nothing in the workspace
  }
  std::printf("%s\n", right ? "right: every bit as outside of the graph" : "WRONG");
  return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const bool is_check = argc > 1 && std::string_view(argv[1]) == "--check";
    BlockSizes sizes;
    if (is_check) sizes = kCheckSizes;
    if (!is_check && argc > 1) sizes.tokens = std::atoll(argv[1]);
    return run(is_check, sizes, argc > 2 ? argv[2] : nullptr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "graph: %s\n", error.what());
    return 1;
  }
}
