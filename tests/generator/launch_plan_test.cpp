// SPDX-License-Identifier: Apache-2.0
#include "generator/launch_plan.hpp"

#include <array>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "gemm.hpp"
#include "generator/arguments.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

Target target(const char* problem, Epilogue epilogue = {}) {
  return {.operation = with(parse_shape(problem), epilogue), .device = find_device("H100")};
}

alignas(16) std::array<unsigned char, 64> memory;  // never read: check_args looks at addresses alone

FusedGemmArgs good_args() {
  FusedGemmArgs args{};
  args.x = args.w = reinterpret_cast<const signed char*>(memory.data());
  args.y = memory.data();
  args.sx = args.sw = reinterpret_cast<const float*>(memory.data());
  args.m = 17;
  args.n = 4608;
  args.k = args.ldx = args.ldw = 4608;
  args.ldy = 4608;
  return args;
}

const KernelConfig kConfig = parse_config("mma_s8:tile=128x256x128,warps=2x4,stages=3");
const KernelConfig kSplit = parse_config("mma_s8:tile=32x64x128,warps=2x2,stages=4,split_k=4");
const KernelConfig kNarrow = parse_config("mma_s8:tile=128x256x128,warps=2x4,stages=3,load=1");

// With the workspace that its launch plan has on an H100.
void check_planned(const KernelConfig& config, const Epilogue& epilogue, const FusedGemmArgs& args) {
  const Gemm gemm{args.m, args.n, args.k, epilogue};
  check_args(config, gemm, args, launch_plan(config, {gemm, find_device("H100")}).workspace_bytes);
}

void check_refused(FusedGemmArgs args, const Epilogue& epilogue = {}, const KernelConfig& config = kConfig) {
  CHECK_THROWS_AS(check_planned(config, epilogue, args), UsageError);
}

}  // namespace

TEST_CASE("a launch covers the output with tiles, and K with parts") {
  const LaunchPlan plan = launch_plan(kConfig, target("6144x13824x4608"));
  CHECK(plan.grid == 48 * 54);
  CHECK(plan.block == 256);
  CHECK(plan.cluster == 1);
  CHECK(plan.shared_bytes == 3 * 384 * 128);
  CHECK(plan.workspace_bytes == 0);
  const LaunchPlan split = launch_plan(kSplit, target("17x4608x4608"));
  CHECK(split.grid == 72 * 4);
  CHECK(split.workspace_bytes == 72 * (3 * 32 * 64 * 4 + 8));
  CHECK(launch_plan(kConfig, target("6145x13825x4608")).grid == 49 * 55);
}

TEST_CASE("sizes beyond 32 bits are planned") {
  CHECK(launch_plan(kConfig, target("131072x1048576x64")).grid == 1024LL * 4096);
  CHECK(launch_plan(kSplit, target("131072x1048576x64")).workspace_bytes == 4096LL * 16384 * (3 * 32 * 64 * 4 + 8));
}

TEST_CASE("persistent CTAs are as many as the device holds, or as there are tiles") {
  const KernelConfig persistent = parse_config("mma_s8:tile=128x128x128,warps=2x2,stages=3,schedule=persistent,ctas=2");
  CHECK(launch_plan(persistent, target("6144x13824x4608")).grid == 264);
  CHECK(launch_plan(persistent, target("128x4608x4608")).grid == 36);
}

TEST_CASE("good arguments pass") {
  CHECK_NOTHROW(check_planned(kConfig, {}, good_args()));
  FusedGemmArgs wide = good_args();
  wide.ldx = wide.ldw = 4624;
  wide.ldy = 4609;
  CHECK_NOTHROW(check_planned(kConfig, {}, wide));
  FusedGemmArgs biased = good_args();
  biased.bias = memory.data();
  CHECK_NOTHROW(check_planned(kConfig, {.bias = Bias::f16}, biased));
  FusedGemmArgs raw = good_args();
  raw.sx = raw.sw = nullptr;
  CHECK_NOTHROW(check_planned(kConfig, {.out = Output::s32}, raw));
}

TEST_CASE("each wrong argument is refused") {
  const auto with = [](auto change) {
    FusedGemmArgs args = good_args();
    change(args);
    return args;
  };
  check_refused(with([](FusedGemmArgs& a) { a.x = nullptr; }));
  check_refused(with([](FusedGemmArgs& a) { a.w = nullptr; }));
  check_refused(with([](FusedGemmArgs& a) { a.y = nullptr; }));
  check_refused(with([](FusedGemmArgs& a) { a.sx = nullptr; }));
  check_refused(with([](FusedGemmArgs& a) { a.sw = nullptr; }));
  check_refused(with([](FusedGemmArgs& a) { a.x += 8; }));
  check_refused(with([](FusedGemmArgs& a) { a.y = memory.data() + 2; }));
  check_refused(with([](FusedGemmArgs& a) { a.bias = memory.data(); }));  // not in the epilogue
  check_refused(good_args(), {.bias = Bias::f32});                        // and missing
  check_refused(good_args(), {.out = Output::s32});                       // scales of an int32 output
  check_refused(with([](FusedGemmArgs& a) { a.m = 0; }));
  check_refused(with([](FusedGemmArgs& a) { a.n = -1; }));
  check_refused(with([](FusedGemmArgs& a) { a.k = a.ldx = a.ldw = kMaxK + 1; }));
  check_refused(with([](FusedGemmArgs& a) { a.ldx = 4592; }));
  check_refused(with([](FusedGemmArgs& a) { a.ldw = 4592; }));
  check_refused(with([](FusedGemmArgs& a) { a.ldy = 4607; }));
  check_refused(with([](FusedGemmArgs& a) { a.ldx = 4609; }));
  check_refused(with([](FusedGemmArgs& a) { a.ldx = 1LL << 32; }));
  check_refused(with([](FusedGemmArgs& a) { a.k = 4600; }));
  check_refused(good_args(), {}, kSplit);  // no workspace
}

TEST_CASE("a config of byte loads takes any K and stride") {
  FusedGemmArgs args = good_args();
  args.k = 4607;
  args.ldx = 4609;
  CHECK_NOTHROW(check_planned(kNarrow, {}, args));
  check_refused(args);
}

TEST_CASE("a config of tensor maps takes rows of whole 16 bytes") {
  const KernelConfig config = parse_config("wgmma_s8:tile=128x256,stages=4");
  const auto with = [](auto change) {
    FusedGemmArgs args = good_args();
    change(args);
    return args;
  };
  const Epilogue wide{.out = Output::f32};
  CHECK_NOTHROW(check_planned(config, {}, good_args()));
  CHECK_NOTHROW(check_planned(config, {}, with([](FusedGemmArgs& a) { a.n = 4600, a.ldy = 4616; })));
  CHECK_NOTHROW(check_planned(config, wide, with([](FusedGemmArgs& a) { a.ldy = 4612; })));
  check_refused(with([](FusedGemmArgs& a) { a.ldy = 4612; }), {}, config);
  check_refused(with([](FusedGemmArgs& a) { a.ldy = 4610; }), wide, config);
  check_refused(with([](FusedGemmArgs& a) { a.n = 4604; }), {}, config);
  check_refused(with([](FusedGemmArgs& a) { a.n = 4604; }), wide, config);
  check_refused(with([](FusedGemmArgs& a) { a.k = 4600; }), {}, config);
  check_refused(with([](FusedGemmArgs& a) { a.ldx = 4616; }), {}, config);
  check_refused(with([](FusedGemmArgs& a) { a.ldw = 4616; }), {}, config);
  check_refused(good_args(), {},
                parse_config("wgmma_s8:tile=128x256,stages=4,decomposition=stream_k"));  // no workspace
}

TEST_CASE("clusters are as many as the device runs at once, or as there are tiles") {
  const KernelConfig pairs = parse_config("wgmma_s8:tile=128x256,stages=4,cluster=2x1");
  const LaunchPlan plan = launch_plan(pairs, target("4352x13824x4608"));
  CHECK(plan.grid == 132);
  CHECK(plan.cluster == 2);
  CHECK(plan.block == 384);
  CHECK(plan.workspace_bytes == 0);
  CHECK(launch_plan(pairs, target("257x4608x4608")).grid == 2 * 2 * 18);
}

TEST_CASE("a launch is dependent where its config says so, and less staging is less shared memory") {
  const auto plan = [](const char* config) { return launch_plan(parse_config(config), target("4352x13824x4608")); };
  CHECK_FALSE(launch_plan(kConfig, target("4352x13824x4608")).dependent);
  CHECK_FALSE(plan("wgmma_s8:tile=128x192,stages=4,consumers=pingpong").dependent);
  CHECK_FALSE(plan("wgmma_s8:tile=128x192,stages=4,consumers=pingpong,launch=serial").dependent);
  CHECK(plan("wgmma_s8:tile=128x192,stages=4,consumers=pingpong,launch=dependent").dependent);
  // Stages, staging of both consumers, scales and bias of their tiles, barriers.
  CHECK(plan("wgmma_s8:tile=128x192,stages=4,consumers=pingpong").shared_bytes ==
        4 * 320 * 128 + 2 * 2 * 64 * 128 + 2 * 2 * 4 * 192 + 8 * (2 * 4 + 6));
  CHECK(plan("wgmma_s8:tile=128x192,stages=5,consumers=pingpong,staging=1,launch=dependent").shared_bytes ==
        5 * 320 * 128 + 2 * 1 * 64 * 128 + 2 * 2 * 4 * 192 + 8 * (2 * 5 + 6));
}

TEST_CASE("a config that splits K takes its workspace") {
  FusedGemmArgs args = good_args();
  args.workspace = memory.data();
  CHECK_NOTHROW(check_planned(kSplit, {}, args));
}

TEST_CASE("what is written lies apart from all else; rows of one pitch may lie between one another") {
  const auto at = [](std::uintptr_t address) { return reinterpret_cast<signed char*>(address); };
  FusedGemmArgs args{};
  args.m = 64;
  args.n = 128;
  args.k = 256;
  args.x = at(0x10000000);
  args.w = at(0x20000000);
  args.y = at(0x30000000);
  args.sx = reinterpret_cast<const float*>(at(0x40000000));
  args.sw = reinterpret_cast<const float*>(at(0x50000000));
  args.bias = at(0x60000000);
  args.workspace = at(0x70000000);
  args.ldx = args.ldw = 256;
  args.ldy = 128;
  const Gemm gemm{64, 128, 256, {.bias = Bias::bf16}};  // y: 64 rows of 256 bytes
  const auto said = [&](auto change) -> std::string {
    FusedGemmArgs changed = args;
    change(changed);
    try {
      check_launch(kSplit, gemm, changed, 1024);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(said([](FusedGemmArgs&) {}) == "");
  CHECK(said([&](FusedGemmArgs& a) { a.y = at(0x10000000 + 64 * 256 - 16); }).starts_with("y and x overlap"));
  CHECK(said([&](FusedGemmArgs& a) { a.y = at(0x10000000 + 64 * 256); }) == "");
  CHECK(said([&](FusedGemmArgs& a) { a.y = at(0x10000000 - 64 * 256); }) == "");
  CHECK(said([&](FusedGemmArgs& a) { a.y = at(0x10000000 - 64 * 256 + 16); }).starts_with("y and x overlap"));
  CHECK(said([&](FusedGemmArgs& a) { a.y = at(0x20000000 + 127 * 256); }).starts_with("y and w overlap"));
  CHECK(said([&](FusedGemmArgs& a) { a.y = at(0x40000000 + 240); }).starts_with("y and sx overlap"));
  CHECK(said([&](FusedGemmArgs& a) { a.y = at(0x50000000 + 496); }).starts_with("y and sw overlap"));
  CHECK(said([&](FusedGemmArgs& a) { a.y = at(0x60000000 + 240); }).starts_with("y and bias overlap"));
  CHECK(said([&](FusedGemmArgs& a) { a.y = at(0x70000000 + 1008); }).starts_with("workspace and y overlap"));
  CHECK(said([&](FusedGemmArgs& a) { a.workspace = at(0x20000000 - 1008); }).starts_with("workspace and w overlap"));
  // y in the columns behind x, row beside row of 512 bytes.
  const auto beside = [&](std::uintptr_t offset) {
    return said([&](FusedGemmArgs& a) { a.ldx = 512, a.ldy = 256, a.y = at(0x10000000 + offset); });
  };
  CHECK(beside(256) == "");
  CHECK(beside(240).starts_with("y and x overlap"));
  CHECK(beside(272).starts_with("y and x overlap"));
  // Addresses that would begin again at zero.
  const std::uintptr_t last = ~std::uintptr_t{15};
  CHECK(said([&](FusedGemmArgs& a) { a.y = at(last); }).starts_with("y would end behind the last address"));
  CHECK(said([&](FusedGemmArgs& a) { a.x = at(last); }).starts_with("x would end behind the last address"));
  CHECK(said([&](FusedGemmArgs& a) { a.bias = at(last); }).starts_with("bias would end behind the last address"));
  CHECK(said([&](FusedGemmArgs& a) {
          a.workspace = at(last);
        }).starts_with("workspace would end behind the last address"));
  CHECK(said([&](FusedGemmArgs& a) { a.y = at(last - 64 * 256); }) == "");
}
