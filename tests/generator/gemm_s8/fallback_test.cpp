// SPDX-License-Identifier: Apache-2.0
#include "generator/gemm_s8/fallback.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include "catch.hpp"
#include "fallback_args.cuh"
#include "gemm.hpp"
#include "generator/arguments.hpp"
#include "generator/launch_plan.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr std::int64_t kMaxOutputs = std::int64_t{1} << 42;  // what generator/gemm_s8/fallback.hpp promises

class Draw {
 public:
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }

  // An extent up to `most`: of any magnitude, at an end, or beside a multiple of a tile.
  std::int64_t extent(std::int64_t most) {
    const double magnitude = std::uniform_real_distribution<double>(0, std::log2(static_cast<double>(most)))(random_);
    const auto any = static_cast<std::int64_t>(std::exp2(magnitude));
    switch (between(0, 7)) {
      case 0:
        return 1;
      case 1:
        return most;
      case 2:
        return std::clamp<std::int64_t>(any / 64 * 64 + between(-1, 1), 1, most);
      case 3:
        return std::clamp<std::int64_t>(any / 16 * 16, 1, most);
      default:
        return std::clamp<std::int64_t>(any, 1, most);
    }
  }

  Gemm problem() {
    const std::int64_t one = extent(kMaxExtent), other = extent(std::min(kMaxExtent, kMaxOutputs / one));
    const bool swap = between(0, 1) == 1;
    return {.m = swap ? other : one, .n = swap ? one : other, .k = extent(kMaxK)};
  }

  std::int64_t stride(std::int64_t row) {
    return between(0, 2) == 0 ? row : std::min(kMaxExtent, row + extent(1 << 20));
  }

 private:
  std::mt19937_64 random_{6};
};

// Arguments that hold nothing, aligned as they must be.
FusedGemmArgs arguments(const Gemm& problem, const Epilogue& epilogue, Draw& draw) {
  alignas(kPointerAlignment) static char memory[kPointerAlignment];
  FusedGemmArgs args{};
  args.x = args.w = reinterpret_cast<const signed char*>(memory);
  args.y = memory;
  if (epilogue.out != Output::s32) args.sx = args.sw = reinterpret_cast<const float*>(memory);
  if (epilogue.bias != Bias::none) args.bias = memory;
  args.m = problem.m;
  args.n = problem.n;
  args.k = problem.k;
  args.ldx = draw.stride(problem.k);
  args.ldw = draw.stride(problem.k);
  args.ldy = draw.stride(output_columns(epilogue, problem.n));
  if (epilogue.residual != Residual::none) args.r = memory;
  if (epilogue.gate != Gate::none) args.g = memory;
  if (epilogue.gate == Gate::index) args.gate_index = reinterpret_cast<const int*>(memory);
  args.ldr = draw.stride(problem.n);
  args.ldg = draw.stride(problem.n);
  args.gates = problem.m;
  args.rows_per_gate = 1;
  return args;
}

void check_served(Gemm problem, const Epilogue& epilogue, Draw& draw) {
  if (epilogue.op == EpilogueOp::swiglu) problem.n = std::max<std::int64_t>(2, problem.n / 2 * 2);
  validate(with(problem, epilogue));
  const FusedGemmArgs args = arguments(problem, epilogue, draw);
  const std::int64_t row_multiple = std::gcd(std::gcd(args.k, args.ldx), args.ldw);
  for (const KernelConfig& config : {Fallbacks<Gemm>::config(1), Fallbacks<Gemm>::config(row_multiple)}) {
    check_args(config, with(problem, epilogue), args, 0);  // or throws
    for (const SmArch arch : supported_archs()) {
      const Target target{with(problem, epilogue), reference_device(arch)};
      require_legal(config, target);  // likewise
      const LaunchPlan plan = launch_plan(config, target);
      if (plan.grid < 1 || plan.grid > kMaxGrid || plan.cluster != 1 || plan.workspace_bytes != 0)
        FAIL(format(problem) << " cannot be launched on " << format(arch));
    }
  }
}

}  // namespace

TEST_CASE("wide loads serve rows of whole 16 bytes, byte loads all others") {
  const std::span<const KernelConfig> configs = Fallbacks<Gemm>::configs();
  REQUIRE(configs.size() == 2);
  for (const std::int64_t multiple : {16, 32, 4608, 131056})
    CHECK(format(Fallbacks<Gemm>::config(multiple)) == format(configs.front()));
  for (const std::int64_t multiple : {1, 2, 4, 8, 15, 17, 24, 4600, 131071})
    CHECK(format(Fallbacks<Gemm>::config(multiple)) == format(configs.back()));
  CHECK(std::get<MmaS8Config>(configs.front()).load == 16);
  CHECK(std::get<MmaS8Config>(configs.back()).load == 1);
}

TEST_CASE("a fallback takes any problem with any epilogue and any strides on every arch", "[many]") {
  Draw draw;
  const std::vector<Epilogue> epilogues = all_epilogues();
  const auto any_epilogue = [&]() -> const Epilogue& {
    return epilogues[static_cast<std::size_t>(draw.between(0, static_cast<std::int64_t>(epilogues.size()) - 1))];
  };
  for (int i = 0; i < 100'000; ++i) check_served(draw.problem(), any_epilogue(), draw);
  // Largest outputs, and extents that 64 and 128 do not divide.
  for (const std::int64_t k : {std::int64_t{1}, std::int64_t{16}, kMaxK}) {
    for (const Epilogue& epilogue : epilogues) {
      for (const std::int64_t one :
           {std::int64_t{1}, std::int64_t{67}, std::int64_t{2047}, std::int64_t{1} << 21, kMaxExtent}) {
        const std::int64_t other = std::min(kMaxExtent, kMaxOutputs / one);
        check_served({one, other, k}, epilogue, draw);
        check_served({other, one, k}, epilogue, draw);
      }
    }
  }
}

TEST_CASE("a fallback takes problems of the largest extents on every arch") {
  Draw draw;
  for (const std::int64_t k : {std::int64_t{1}, kMaxK}) {
    for (const Output out : {Output::bf16, Output::s32}) {
      check_served({kMaxExtent, kMaxOutputs / kMaxExtent, k}, {.out = out}, draw);
      check_served({kMaxOutputs / kMaxExtent, kMaxExtent, k}, {.out = out}, draw);
    }
  }
}

TEST_CASE("a fallback refuses what it does not serve for the number of its CTAs alone") {
  for (const KernelConfig& config : fallback_configs()) {
    const auto rejection = refusal(config, {Gemm{kMaxExtent, kMaxExtent, 16}, reference_device({90})});
    REQUIRE(rejection);
    CHECK(rejection->constraint == "grid");
  }
}

TEST_CASE("a fallback's stub names every field of its config and no epilogue") {
  const KernelSource source = emit_fallback(Fallbacks<Gemm>::config(16));
  CHECK(source.name == "fallback_mma_s8_tile_64x128x64_warps_2x4_stages_4");
  CHECK(source.name == fallback_name(Fallbacks<Gemm>::config(16)));
  CHECK(
      source.text ==
      "// mma_s8:tile=64x128x64,warps=2x4,stages=4, any epilogue\n"
      "#include \"fallback.cuh\"\n\n"
      "namespace {\n"
      "constexpr ditune::MmaS8Config kConfig{\n"
      "    .tile_m = 64, .tile_n = 128, .tile_k = 64, .warps_m = 2, .warps_n = 4, .stages = 4, .group = 8, .split_k = "
      "1,\n"
      "    .staging = ditune::Staging::direct, .schedule = ditune::Schedule::each, .ctas = 1, .load = 16};\n"
      "}  // namespace\n\n"
      "extern \"C\" __global__ void __launch_bounds__(ditune::threads(kConfig), kConfig.ctas)\n"
      "fallback_mma_s8_tile_64x128x64_warps_2x4_stages_4(\n"
      "    const __grid_constant__ ditune::FallbackArgs args) {\n"
      "  ditune::fallback<kConfig>(args);\n"
      "}\n");
}

TEST_CASE("a fallback is launched with the arguments and the epilogue, and any epilogue alike") {
  Draw draw;
  for (const Epilogue& epilogue : all_epilogues()) {
    const FusedGemmArgs args = arguments({17, 33, 7}, epilogue, draw);
    const KernelParameter parameter = fallback_parameter(Gemm{17, 33, 7, epilogue}, args);
    REQUIRE(parameter.size == sizeof(FallbackArgs));
    FallbackArgs passed;
    std::memcpy(&passed, parameter.bytes.data(), sizeof passed);
    CHECK(passed.epilogue == epilogue);
    const GemmArgs &plain = passed.gemm, &asked = args;
    const ResidualArgs &residual = passed.gemm, &asked_residual = args;
    CHECK(std::memcmp(&plain, &asked, sizeof plain) == 0);
    CHECK(std::memcmp(&residual, &asked_residual, sizeof residual) == 0);
    for (const KernelConfig& config : fallback_configs())  // one loaded kernel serves all
      CHECK(launch_plan(config, Gemm{17, 33, 7, epilogue}, 84).shared_bytes ==
            launch_plan(config, Gemm{17, 33, 7}, 84).shared_bytes);
  }
}
