// SPDX-License-Identifier: Apache-2.0
// The cases of operands on a GPU: kernels are right on all of them, and each finds the mistakes that it is for.
#include "catch.hpp"
#include "ditune/epilogue.hpp"
#include "gemm.hpp"
#include "generator/launch_plan.hpp"
#include "gpu_fixture.hpp"
#include "tuner/measure/gpu.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr FarRows kFar{.span = std::int64_t{1} << 33, .pitch = (std::int64_t{1} << 29) - 16};

bool has_memory(std::size_t bytes) {
  std::size_t free = 0, total = 0;
  DITUNE_CUDA(cudaMemGetInfo(&free, &total));
  if (free >= bytes) return true;
  WARN("too little free memory: nothing to see");
  return false;
}

struct Wrong {
  KernelConfig config;
  Gemm problem;
  Epilogue epilogue;
};

std::string failure(const KernelSource& source, const Wrong& of, OperandCase which) {
  const Target target = gpu().target(of.problem, of.epilogue);
  const Strides strides = strides_of(which, target.operation, stride_multiples(of.config, target.operation), kFar);
  GpuProblem problem(target, strides, OperandSets::one, Contents{5, values_of(which)}, gpu().kernels);
  return problem.failure(gpu().load(source), of.config);
}

// Right as it is, right on plain operands with the mistake, wrong on those of the case.
void check_found(const Wrong& of, OperandCase which, const std::string& text, const std::string& instead) {
  INFO(word(which) << ": " << instead);
  KernelSource source = emit_standalone(of.config, with({}, of.epilogue));
  CHECK(failure(source, of, which) == "");
  const std::size_t at = source.text.find(text);
  REQUIRE(at != std::string::npos);
  source.text.replace(at, text.size(), instead);
  CHECK(failure(source, of, OperandCase::plain) == "");
  CHECK_THAT(failure(source, of, which), Catch::Contains("wrong"));
}

const KernelConfig kSmall = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3");
const Wrong kPlain{kSmall, {100, 136, 1040}, {}};

}  // namespace

TEST_CASE("gpu: every case of operands, every pair of values of two fields") {
  const GpuTuner tuner(GpuOptions{});
  for (const Gemm& problem : {Gemm{257, 130, 4608}, Gemm{1000, 1544, 4112}, Gemm{1, 8, 130}}) {
    const Target target = gpu().target(problem, {.bias = Bias::f32});
    const std::vector<KernelConfig> configs = covering_configs({problem});
    for (const OperandCase which : kOperandCases) {
      if (!tuner.fits(target, which)) {
        WARN("case " << word(which) << " does not fit");
        continue;
      }
      for (const Verdict& verdict : tuner.verify(target, configs, which)) {
        INFO(format(problem) << " " << format(verdict.config) << " case " << word(which));
        CHECK(verdict.failure == "");
        CHECK(verdict.failed == which);
      }
    }
  }
}

TEST_CASE("gpu: mistakes in row pitches are found") {
  check_found(kPlain, OperandCase::padded, "w(args.ldw, thread)", "w(args.ldx, thread)");
  check_found(kPlain, OperandCase::padded, "x(args.ldx, thread)", "x(args.k, thread)");
  check_found(kPlain, OperandCase::padded, "(row * args.ldy + column)", "(row * args.n + column)");
}

TEST_CASE("gpu: sums of parts that go through a float are found") {
  const Wrong split{parse_config(format(kSmall) + ",split_k=3"), {100, 136, 4112}, {}};
  const std::string sum = "sums.acc[i][2 * pair + c / 2][half * 2 + c % 2]";
  check_found(split, OperandCase::extreme, "static_cast<unsigned>(" + sum + ")",
              "static_cast<unsigned>(static_cast<int>(static_cast<float>(" + sum + ")))");
}

TEST_CASE("gpu: offsets of 32 bits are found") {
  if (!has_memory(std::size_t{40} << 30)) return;
  // Without a sign they stay within the operands: a wild address would end the test.
  check_found(kPlain, OperandCase::far, "(row * args.ldy + column)",
              "static_cast<long long>(static_cast<unsigned>(row) * static_cast<unsigned>(args.ldy) + column)");
  check_found(kPlain, OperandCase::far, "base + row * stride",
              "base + static_cast<unsigned>(row) * static_cast<unsigned>(stride)");
}

TEST_CASE("gpu: M and N at the end of their range") {
  const KernelConfig config = parse_config("mma_s8:tile=128x64x64,warps=2x2,stages=2,load=1");
  if (!has_memory(std::size_t{24} << 30)) return;
  for (const Gemm& problem : {Gemm{kMaxExtent, 1, 1}, Gemm{1, kMaxExtent, 1}}) {
    const Target target = gpu().target(problem);
    INFO(format(problem));
    require_legal(config, target);
    GpuProblem laid_out(target, packed_strides(problem), OperandSets::one, {.seed = 5}, gpu().kernels);
    CHECK(laid_out.failure(gpu().load(config), config) == "");
  }
}
