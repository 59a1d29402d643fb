// SPDX-License-Identifier: Apache-2.0
// Kernels with a fault each: the verifier must find every one.
#include "catch.hpp"
#include "gemm.hpp"
#include "generator/launch_plan.hpp"
#include "gpu_fixture.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const Gemm kProblem{100, 136, 1040};
const Epilogue kEpilogue{.bias = Bias::f32};

Target target() { return gpu().target(kProblem, kEpilogue); }

KernelConfig config_with(bool workspace) {
  const std::string plain = "mma_s8:tile=64x64x64,warps=2x2,stages=3";
  return parse_config(workspace ? plain + ",split_k=3" : plain);
}

// The config's kernel, with `fault` done by one thread after its part of the work.
KernelSource with_fault(const KernelConfig& config, const std::string& fault) {
  KernelSource source = emit(config, with({}, kEpilogue));
  const std::string call = "(args);\n";
  source.text.insert(source.text.rfind(call) + call.size(),
                     "  __syncthreads();\n  if (blockIdx.x == 0 && threadIdx.x == 0) { " + fault + " }\n");
  return source;
}

std::string failure_of(const KernelSource& source, const KernelConfig& config) {
  GpuProblem problem(target(), packed_strides(kProblem), OperandSets::one, {.seed = 5}, gpu().kernels);
  return problem.failure(gpu().load(source), config);
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("gpu: a kernel that is left alone passes") {
  const KernelConfig config = config_with(false);
  CHECK(failure_of(with_fault(config, ""), config) == "");
}

TEST_CASE("gpu: one wrong bit is found and named") {
  const KernelConfig config = config_with(false);
  const std::string failure = failure_of(with_fault(config, "static_cast<unsigned short*>(args.y)[0] ^= 1;"), config);
  CHECK(contains(failure, "1 of 13600 outputs wrong, the first at row 0, column 0: 0x"));
}

TEST_CASE("gpu: writes before and behind the output are found") {
  const KernelConfig config = config_with(false);
  CHECK(contains(failure_of(with_fault(config, "static_cast<unsigned short*>(args.y)[-1] = 0;"), config), "before"));
  CHECK(contains(failure_of(with_fault(config, "static_cast<unsigned short*>(args.y)[args.m * args.ldy] = 0;"), config),
                 "behind"));
}

TEST_CASE("gpu: a workspace that is not zero again is found, and cleaned for the next kernel") {
  const KernelConfig config = config_with(true);
  GpuProblem problem(target(), packed_strides(kProblem), OperandSets::one, {.seed = 5}, gpu().kernels);
  // The byte right behind the workspace: no CTA touches it, so the fault does not race with the kernel.
  const std::string fault =
      "static_cast<char*>(args.workspace)[" + std::to_string(launch_plan(config, target()).workspace_bytes) + "] = 1;";
  CHECK(contains(problem.failure(gpu().load(with_fault(config, fault)), config), "workspace"));
  CHECK(problem.failure(gpu().load(config, with({}, kEpilogue)), config) == "");
}

TEST_CASE("gpu: a kernel that is wrong elsewhere too leaves no trace in the workspace") {
  const KernelConfig config = config_with(true);
  GpuProblem problem(target(), packed_strides(kProblem), OperandSets::one, {.seed = 5}, gpu().kernels);
  const std::string fault =
      "static_cast<unsigned short*>(args.y)[-1] = 0;"
      "static_cast<char*>(args.workspace)[" +
      std::to_string(launch_plan(config, target()).workspace_bytes) + "] = 1;";
  CHECK(contains(problem.failure(gpu().load(with_fault(config, fault)), config), "before"));
  CHECK(problem.failure(gpu().load(config, with({}, kEpilogue)), config) == "");
}

TEST_CASE("gpu: a kernel that writes nothing is found") {
  const KernelConfig config = config_with(false);
  const KernelSource nothing{"nothing",
                             "#include \"gemm_args.cuh\"\nextern \"C\" __global__ void nothing(ditune::GemmArgs) {}\n"};
  CHECK(contains(failure_of(nothing, config), "13600 of 13600 outputs wrong"));
}

TEST_CASE("gpu: the kernel of another epilogue is found") {
  const KernelConfig config = config_with(false);
  for (const Epilogue& other :
       {Epilogue{}, Epilogue{.sx = ScaleX::tensor, .bias = Bias::f32},
        Epilogue{.sw = ScaleW::tensor, .bias = Bias::f32}, Epilogue{.bias = Bias::f32, .out = Output::f16}})
    CHECK(contains(failure_of(emit(config, with({}, other)), config), "outputs wrong"));
}

TEST_CASE("gpu: another order of roundings is found") {
  // Right but for acc * (sx * sw) in place of (acc * sx) * sw.
  const KernelSource reordered{"reordered", R"(
#include "reference.cuh"
extern "C" __global__ void reordered(ditune::GemmArgs args) {
  for (long long i = ditune::first_index(); i < args.m * args.n; i += ditune::index_stride()) {
    const long long row = i / args.n, column = i % args.n;
    int acc = 0;
    for (long long k = 0; k < args.k; ++k) acc += args.x[row * args.ldx + k] * args.w[column * args.ldw + k];
    const float y = __fmul_rn(__int2float_rn(acc), __fmul_rn(args.sx[row], args.sw[column]));
    static_cast<float*>(args.y)[row * args.ldy + column] = y;
  }
}
)"};
  const Target target = gpu().target(kProblem, {.out = Output::f32});
  GpuProblem problem(target, packed_strides(kProblem), OperandSets::one, {.seed = 5}, gpu().kernels);
  CHECK(contains(problem.failure(gpu().load(reordered), enumerate(target).front()), "outputs wrong"));
}
