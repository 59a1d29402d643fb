// SPDX-License-Identifier: Apache-2.0
// Dependent launches start while the kernel before them still writes what they read, and wait for it. sm_90 alone.
#include <cstdint>
#include <functional>
#include <optional>

#include "catch.hpp"
#include "gemm.hpp"
#include "generator/launch_plan.hpp"
#include "gpu_fixture.hpp"
#include "runtime/prepared_launch.hpp"
#include "tuner/verify/device_operands.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr int kRepeats = 50;
constexpr unsigned char kStale = 0x55, kPoison = 0xFF;

// Lets who depends on it start at once, and writes late.
struct LateCopy {
  void* to;
  const void* from;
  long long bytes;  // a multiple of 16
  long long clocks;
};

Kernel late_copy() {
  return gpu().load(KernelSource{"late_copy", R"(
struct LateCopy {
  void* to;
  const void* from;
  long long bytes, clocks;
};
extern "C" __global__ void late_copy(const LateCopy args) {
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
  const long long begin = clock64();
  while (clock64() - begin < args.clocks) {
  }
  for (long long i = threadIdx.x; i < args.bytes / 16; i += blockDim.x)
    static_cast<uint4*>(args.to)[i] = static_cast<const uint4*>(args.from)[i];
}
)"});
}

// X comes late and is stale before; Y is poison before.
class LateProblem {
 public:
  LateProblem(const Target& target, const KernelConfig& config)
      : target_(target),
        config_(config),
        operands_({target.operation, packed_strides(target.operation), 1, {.seed = 9}}, *gpu().kernels, stream_),
        x_(static_cast<std::size_t>(gemm_of(target.operation).m * gemm_of(target.operation).k)),
        y_(output_bytes(operands_)),
        expected_(output_bytes(operands_)),
        workspace_(static_cast<std::size_t>(launch_plan(config, target).workspace_bytes)),
        late_copy_(late_copy()) {
    require_legal(config, target);
    FusedGemmArgs args = args_of(operands_);
    args.y = expected_.get();
    gpu().kernels->run(target.operation, args, stream_);
    args.x = x_.as<signed char>();
    args.y = y_.get();
    args.workspace = workspace_.get();
    if (workspace_.bytes() > 0) DITUNE_CUDA(cudaMemsetAsync(workspace_.get(), 0, workspace_.bytes(), stream_.get()));
    gemm_ = prepare_launch(gpu().load(config, target.operation), config, target, args);
    gemm_.plan.dependent = true;  // also of a kernel that does not wait
    plan_.grid = 1;               // others' SMs are free for who depends on it
    plan_.block = 1024;
    stream_.synchronize();
  }

  const Stream& stream() const { return stream_; }

  // The last one's result is there afterwards; each one overwrites what others before it may still read.
  void launch(int gemms) const {
    DITUNE_CUDA(cudaMemsetAsync(x_.get(), kStale, x_.bytes(), stream_.get()));
    DITUNE_CUDA(cudaMemsetAsync(y_.get(), kPoison, y_.bytes(), stream_.get()));
    constexpr long long kClocks = 100'000;  // longer than any of these launches takes to start
    late_copy_.launch(plan_, LateCopy{x_.get(), args_of(operands_).x, static_cast<long long>(x_.bytes()), kClocks},
                      stream_);
    for (int i = 0; i < gemms; ++i) gemm_(stream_);
  }

  std::uint64_t wrong() const {
    const auto& [m, n, k, epilogue] = gemm_of(target_.operation);
    const std::optional<Mismatch> mismatch = gpu().kernels->compare(
        {y_.get(), expected_.get(), m, n, n, element_of(gemm_of(target_.operation).epilogue.out), kPoison, nullptr},
        stream_);
    return mismatch ? mismatch->count : 0;
  }

 private:
  const Target target_;
  const KernelConfig config_;
  const Stream stream_;
  const DeviceOperands operands_;
  const DeviceBuffer x_, y_, expected_, workspace_;
  const Kernel late_copy_;
  LaunchPlan plan_;
  PreparedLaunch gemm_;
};

bool has_dependent_launches() {
  const bool has = gpu().device.arch == SmArch{90};
  if (!has) WARN("no sm_90: nothing to see");
  return has;
}

Target late_target() { return gpu().target({1000, 1544, 2064}, {.bias = Bias::f32}); }

void check(const std::function<void(const LateProblem&)>& launches) {
  if (!has_dependent_launches()) return;
  for (const char* text : {"wgmma_s8:tile=128x128,stages=4,launch=dependent",
                           "wgmma_s8:tile=64x144,stages=4,consumers=pingpong,staging=1,launch=dependent",
                           "wgmma_s8:tile=128x128,stages=4,cluster=2x1,launch=dependent",
                           "wgmma_s8:tile=128x144,stages=3,decomposition=stream_k,launch=dependent"}) {
    INFO(text);
    CHECK(launch_plan(parse_config(text), late_target()).dependent);
    launches(LateProblem(late_target(), parse_config(text)));
  }
}

}  // namespace

TEST_CASE("gpu: a dependent launch reads what the kernel right before it wrote last") {
  check([](const LateProblem& problem) {
    std::uint64_t wrong = 0;
    for (int i = 0; i < kRepeats; ++i) {
      problem.launch(1);
      wrong += problem.wrong();
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("gpu: a dependent launch that does not wait reads what was there before") {
  if (!has_dependent_launches()) return;
  const LateProblem problem(late_target(), parse_config("wgmma_s8:tile=128x128,stages=4,launch=serial"));
  std::uint64_t wrong = 0;
  for (int i = 0; i < kRepeats; ++i) {
    problem.launch(1);
    wrong += problem.wrong();
  }
  CHECK(wrong > 0);  // else the other tests here would not see a wait that is missing
}

TEST_CASE("gpu: dependent launches follow one another, in one workspace and onto one output") {
  check([](const LateProblem& problem) {
    std::uint64_t wrong = 0;
    for (int i = 0; i < kRepeats; ++i) {
      problem.launch(4);
      wrong += problem.wrong();
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("gpu: dependent launches wait for the kernel before them in a graph, too") {
  check([](const LateProblem& problem) {
    const Graph one = Graph::capture(problem.stream(), [&] { problem.launch(1); });
    const Graph many = Graph::capture(problem.stream(), [&] {
      for (int i = 0; i < 4; ++i) problem.launch(2);
    });
    std::uint64_t wrong = 0;
    for (int i = 0; i < kRepeats; ++i) {
      for (const Graph* graph : {&one, &many}) {
        graph->launch(problem.stream());
        wrong += problem.wrong();
      }
    }
    CHECK(wrong == 0);
  });
}
