// SPDX-License-Identifier: Apache-2.0
// Preparing touches no GPU where a kernel takes no tensor map; tests/gpu launches what was prepared.
#include "runtime/prepared_launch.hpp"

#include <cstring>

#include "catch.hpp"
#include "generator/launch_plan.hpp"

using namespace ditune;

namespace {

const KernelConfig kConfig = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3,split_k=2");
const Target kTarget{Gemm{100, 136, 272, {.out = Output::s32}}, reference_device({86})};

template <class T>
T* address(std::uintptr_t value) {
  return reinterpret_cast<T*>(value);
}

FusedGemmArgs arguments() {
  FusedGemmArgs args{};
  args.x = address<const signed char>(0x1000);
  args.w = address<const signed char>(0x2000);
  args.y = address<void>(0x3000);
  args.workspace = address<void>(0x4000);
  args.m = 100;
  args.n = args.ldy = 136;
  args.k = args.ldx = args.ldw = 272;
  return args;
}

}  // namespace

TEST_CASE("A prepared launch has its operands and its plan") {
  const FusedGemmArgs args = arguments();
  const PreparedLaunch launch = prepare_launch(Kernel(), kConfig, kTarget, args);
  REQUIRE(launch.parameter.size == sizeof(GemmArgs));
  const GemmArgs& plain = args;
  CHECK(std::memcmp(launch.parameter.bytes.data(), &plain, sizeof plain) == 0);
  const LaunchPlan plan = launch_plan(kConfig, kTarget);
  CHECK(launch.plan.grid == plan.grid);
  CHECK(launch.plan.shared_bytes == plan.shared_bytes);
}

TEST_CASE("Operands that a config does not take are refused before anything else") {
  FusedGemmArgs args = arguments();
  args.x += 8;
  CHECK_THROWS_AS(prepare_launch(Kernel(), kConfig, kTarget, args), UsageError);
  args = arguments();
  args.workspace = nullptr;
  CHECK_THROWS_AS(prepare_launch(Kernel(), kConfig, kTarget, args), UsageError);
}
