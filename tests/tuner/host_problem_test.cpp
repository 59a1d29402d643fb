// SPDX-License-Identifier: Apache-2.0
// What a host problem says of kernels, right and wrong ones.
#include "tuner/verify/host_problem.hpp"

#include "catch.hpp"
#include "ditune/error.hpp"
#include "gemm.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "generator/launch_plan.hpp"
#include "tuner/host_compiler.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr Gemm kTiny{5, 7, 16};
constexpr GemmStrides kApart{.x = 16, .w = 16, .y = 9};
const KernelConfig kSmall = parse_config("mma_s8:tile=32x64x64,warps=1x2,stages=3");

Target target(const Gemm& problem, const Epilogue& epilogue = {}) {
  return {with(problem, epilogue), reference_device({86})};
}

// Of the kernel that computes sums one by one and does `store` with each.
std::string plain_failure(const std::string& store, const KernelConfig& config = kSmall) {
  const HostKernel kernel = host_compiler().compile(plain_kernel(store));
  return HostProblem(target(kTiny, {.out = Output::s32}), kApart, {.seed = 1}).run(kernel, config, 1).failure;
}

std::string emitted_failure(const KernelConfig& config, const Target& on, const Strides& strides) {
  return HostProblem(on, strides, {.seed = 2})
      .run(host_compiler().compile(emit(config, on.operation)), config, 3)
      .failure;
}

const std::string kStore = "global_store(y + row * args.ldy + column, acc);";

}  // namespace

TEST_CASE("a right kernel passes, and its output is the plain loop's") {
  CHECK(plain_failure(kStore) == "");
  const HostProblem packed(target(kTiny, {.out = Output::s32}), packed_strides(kTiny), {.seed = 1});
  const Emulation emulation = packed.run(host_compiler().compile(plain_kernel(kStore)), kSmall, 1);
  CHECK(emulation.failure == "");
  CHECK(emulation.outputs == packed.expected());
}

TEST_CASE("wrong outputs are counted, and the first is named") {
  const std::string one = plain_failure("global_store(y + row * args.ldy + column, acc ^ (row == 2 && column == 3));");
  CHECK_THAT(one, Catch::StartsWith("1 of 35 outputs wrong, the first at row 2, column 3: 0x"));
  CHECK_THAT(one, Catch::EndsWith(" is right"));
  CHECK_THAT(plain_failure("global_store(y + row * args.ldy + column, acc + (row > 2));"),
             Catch::StartsWith("14 of 35 outputs wrong, the first at row 3, column 0: 0x"));
}

TEST_CASE("an output that is not written, be it in part, is wrong") {
  CHECK_THAT(plain_failure("if (row != 4 || column < 5) " + kStore),
             Catch::StartsWith("2 of 35 outputs wrong, the first at row 4, column 5: 0x"));
  CHECK_THAT(plain_failure("global_store(reinterpret_cast<short*>(y + row * args.ldy + column), short(acc));"),
             Catch::StartsWith("35 of 35 outputs wrong, the first at row 0, column 0: 0x"));
}

TEST_CASE("what is written beside the output is found") {
  // Through the wrappers, a fault; past them, changed memory.
  for (const char* place : {"y - 1", "y + args.n", "y + (args.m - 1) * args.ldy + args.n"}) {
    INFO(place);
    CHECK_THAT(plain_failure(kStore + "global_store(" + place + ", 0);"),
               Catch::StartsWith("plain_kernel") && Catch::Contains("global_store"));
    CHECK_THAT(plain_failure(kStore + "*(" + place + ") = 0;"),
               Catch::StartsWith("writes 4 bytes beside the output, the first "));
  }
}

TEST_CASE("a workspace that is not left zero is a fault") {
  const KernelConfig split = parse_config("mma_s8:tile=32x64x64,warps=1x2,stages=3,split_k=2");
  CHECK(plain_failure(kStore, split) == "");
  CHECK_THAT(plain_failure(kStore + "global_store(static_cast<int*>(args.workspace), 1);", split),
             Catch::Contains("workspace"));
}

TEST_CASE("operands that a config does not take are refused") {
  const HostKernel kernel = host_compiler().compile(plain_kernel(kStore));
  const HostProblem problem(target(kTiny, {.out = Output::s32}), GemmStrides{.x = 24, .w = 16, .y = 7}, {.seed = 1});
  CHECK_THROWS_AS(problem.run(kernel, kSmall, 1), UsageError);  // it copies 16 bytes at a time
}

TEST_CASE("emitted kernels pass on ragged problems, with rows apart and under any order of warps") {
  const KernelConfig staged =
      parse_config("mma_s8:tile=32x64x64,warps=1x2,stages=3,staging=shared,schedule=persistent");
  const Gemm ragged{37, 70, 144};
  for (const std::int64_t ldy : {70, 72, 75}) {
    INFO("ldy " << ldy);
    CHECK(emitted_failure(kSmall, target(ragged), GemmStrides{.x = 144, .w = 160, .y = ldy}) == "");
    CHECK(emitted_failure(staged, emulated_target(target(ragged), staged), GemmStrides{.x = 160, .w = 144, .y = ldy}) ==
          "");
  }
}

TEST_CASE("emitted kernels that take tensor maps pass too, in clusters and with parts of K shared") {
  Target small{Gemm{130, 136, 272, {.bias = Bias::bf16}}, reference_device({90})};
  small.device.sms = 4;
  for (const char* text : {"wgmma_s8:tile=128x64,stages=2", "wgmma_s8:tile=64x64,stages=3,consumers=pingpong",
                           "wgmma_s8:tile=128x64,stages=2,cluster=2x1", "wgmma_s8:tile=128x64,stages=2,cluster=1x2",
                           "wgmma_s8:tile=128x64,stages=2,decomposition=stream_k"}) {
    INFO(text);
    const KernelConfig config = parse_config(text);
    require_legal(config, small);
    CHECK(emitted_failure(config, small, GemmStrides{.x = 272, .w = 288, .y = 144}) == "");
  }
}

TEST_CASE("every term of an epilogue, and every output type") {
  const Gemm ragged{35, 67, 80};
  for (const char* text :
       {"sx=tensor,bias=f32", "sw=tensor,out=f16", "bias=bf16,out=f32", "bias=f16,out=f16", "out=f32", "out=s32"}) {
    INFO(text);
    CHECK(emitted_failure(kSmall, target(ragged, parse_epilogue(text)), packed_strides(ragged)) == "");
  }
}

TEST_CASE("the emulated problem has a whole tile and the ragged one") {
  const auto at = [](const Gemm& problem) { return gemm_of(emulated_target(target(problem), kSmall)); };  // 32x64
  CHECK(at({6144, 13824, 4608}) == Gemm{64, 128, 4608});
  CHECK(at({6145, 13823, 4600}) == Gemm{33, 127, 4600});
  CHECK(at({1, 1, 16}) == Gemm{1, 1, 16});
  CHECK(at({32, 64, 16}) == Gemm{32, 64, 16});
  CHECK(at({33, 128, 16}) == Gemm{33, 128, 16});
  CHECK(at({64, 129, 16}) == Gemm{64, 65, 16});
}

TEST_CASE("what a config can run it can run at the emulated size, and persistent CTAs walk several tiles of it") {
  for (const Gemm& problem : {Gemm{6144, 13824, 4608}, Gemm{257, 131, 36}, Gemm{1, 8, 130}}) {
    const Target whole = target(problem);
    for (const KernelConfig& config : enumerate(whole)) {
      INFO(format(problem) << " " << format(config));
      const Target small = emulated_target(whole, config);
      CHECK_FALSE(refusal(config, small));
      const auto& c = std::get<MmaS8Config>(config);
      const auto tiles =
          ceil_div(gemm_of(small.operation).m, c.tile_m) * ceil_div(gemm_of(small.operation).n, c.tile_n);
      if (c.schedule == Schedule::persistent && tiles > c.ctas) CHECK(launch_plan(config, small).grid == c.ctas);
    }
  }
}
