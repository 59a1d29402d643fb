// SPDX-License-Identifier: Apache-2.0
// A runtime's launches of GEMMs: what kernels are given, and what is refused.
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "error_of.hpp"
#include "fallback_args.cuh"
#include "gemm.hpp"
#include "generator/emit.hpp"
#include "generator/gemm_s8/fallback.hpp"
#include "generator/launch_plan.hpp"
#include "runtime/runtime_fixture.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("runtime: a built-in kernel is launched with the epilogue, and none that means nothing") {
  Fixture f({}, false);
  const Epilogue epilogue = parse_epilogue("sw=tensor,bias=f16,out=f32");
  FusedGemmArgs its = args();
  its.bias = address<void>(7);
  f.runtime->launch(its, epilogue, 0, kStream);
  REQUIRE(f.driver->launches.size() == 1);
  const FakeLaunch& launch = f.driver->launches.front();
  CHECK(launch.kernel == fallback_name(Fallbacks<Gemm>::config(16)));
  REQUIRE(launch.parameter.size == sizeof(FallbackArgs));
  FallbackArgs passed;
  std::memcpy(&passed, launch.parameter.bytes.data(), sizeof passed);
  CHECK(passed.epilogue == epilogue);
  CHECK(are_same_bytes(passed.gemm, its));
  CHECK_THROWS_AS(f.runtime->prepare(with(kProblem, {.bias = Bias::f32, .out = Output::s32}), 0), UsageError);
  CHECK_THROWS_AS(f.runtime->prepare(with(kProblem, {.sx = ScaleX::tensor, .out = Output::s32}), 0), UsageError);
}

TEST_CASE("runtime: a built-in kernel is given the residual, the gates and the epilogue") {
  Fixture f({}, false);
  const Epilogue epilogue = parse_epilogue("op=silu,from=4096,residual=f16,gate=index");
  FusedGemmArgs its = gated_args();
  its.gate_index = address<int>(10);
  f.runtime->launch(its, epilogue, 0, kStream);
  REQUIRE(f.driver->launches.size() == 1);
  const auto passed = parameter_of<FallbackArgs>(f.driver->launches.front());
  CHECK(passed.epilogue == epilogue);
  CHECK(are_same_bytes(passed.gemm, its));
}

TEST_CASE("runtime: a launch has the plan, the arguments and the stream") {
  const Gemm split{64, 256, 4608};
  Fixture f({Row{}, {.problem = split, .config = kSplit}});
  f.runtime->launch(f.runtime->prepare(kProblem, 0), args(), kStream);
  const Prepared& prepared = f.runtime->prepare(split, 0);
  CHECK(prepared.workspace_bytes() == launch_plan(kSplit, {split, kCard}).workspace_bytes);
  CHECK(prepared.workspace_bytes() > 0);
  f.runtime->launch(prepared, args(split), nullptr);
  REQUIRE(f.driver->launches.size() == 2);
  const FakeLaunch &first = f.driver->launches[0], &second = f.driver->launches[1];
  CHECK(first.kernel == emit(kBig, {}).name);
  CHECK(first.plan.grid == launch_plan(kBig, {kProblem, kCard}).grid);
  CHECK(first.stream == kStream);
  const GemmArgs expected = args();
  CHECK(first.parameter.size == sizeof expected);
  CHECK(std::memcmp(&first.args, &expected, sizeof expected) == 0);
  CHECK(second.kernel == emit(kSplit, {}).name);
  CHECK(second.args.m == split.m);
  CHECK(second.stream == nullptr);
}

TEST_CASE("runtime: a kernel with a residual gets what it reads, in place, too") {
  const Gemm gated = with(kProblem, parse_epilogue("bias=bf16,residual=bf16,gate=table"));
  Fixture f({Row{}, {.problem = gated}});
  const Prepared& prepared = f.runtime->prepare(gated, 0);
  CHECK(prepared.match() == Match::exact);
  FusedGemmArgs its = gated_args();
  its.bias = address<void>(7);
  for (const void* r : {its.r, static_cast<const void*>(its.y)}) {
    its.r = r;
    f.runtime->launch(prepared, its, kStream);
    const auto passed = parameter_of<FusedGemmArgs>(f.driver->launches.back());
    CHECK(are_same_bytes(passed, its));
  }
  CHECK(f.driver->launches.size() == 2);
  CHECK(f.driver->launches.front().kernel == emit(kBig, gated).name);
}

TEST_CASE("runtime: with swiglu the rows of y are half as long") {
  const Gemm swiglu = with(kProblem, parse_epilogue("op=swiglu"));
  Fixture f({{.problem = swiglu}});
  const Prepared& prepared = f.runtime->prepare(swiglu, 0);
  FusedGemmArgs its = args(swiglu);
  CHECK(its.ldy == 2304);
  f.runtime->launch(prepared, its, kStream);
  CHECK(f.driver->launches.back().args.ldy == 2304);
  its.ldy = 2303;
  CHECK(error_of([&] { f.runtime->launch(prepared, its, kStream); }) ==
        "ldy = 2303 is out of range (a row has 2304 elements, a stride at most 2147483647)");
}

TEST_CASE("runtime: a launch of what is not prepared prepares it, but not under a capture") {
  Fixture f({Row{}});
  f.driver->capturing = true;
  CHECK_THROWS_AS(f.runtime->launch(args(), {}, 0, kStream), NotPreparedError);
  CHECK(f.driver->loaded.empty());
  f.driver->capturing = false;
  f.runtime->launch(args(), {}, 0, kStream);
  CHECK(f.driver->launches.size() == 1);
  f.driver->capturing = true;
  f.runtime->launch(args(), {}, 0, kStream);
  CHECK(f.driver->launches.size() == 2);
  CHECK(f.driver->loaded.size() == 1);
}

TEST_CASE("runtime: arguments that a launch would be undefined with are refused, and nothing is launched") {
  Fixture f({Row{}});
  const Prepared& prepared = f.runtime->prepare(kProblem, 0);
  const auto refused = [&](auto change) {
    FusedGemmArgs changed = args();
    change(changed);
    return error_of([&] { f.runtime->launch(prepared, changed, kStream); });
  };
  CHECK_THAT(refused([](FusedGemmArgs& a) { a.m = 4095; }), Catch::Contains("was prepared for 4096x4608x4608"));
  CHECK_THAT(refused([](FusedGemmArgs& a) { a.x = nullptr; }), Catch::Contains("x is null"));
  CHECK_THAT(refused([](FusedGemmArgs& a) { a.w += 1; }), Catch::Contains("w is misaligned"));
  CHECK_THAT(refused([](FusedGemmArgs& a) { a.ldx = 4600; }), Catch::Contains("ldx = 4600"));
  CHECK_THAT(refused([](FusedGemmArgs& a) { a.bias = address<void>(7); }), Catch::Contains("bias is given"));
  CHECK_THAT(refused([](FusedGemmArgs& a) { a.y = const_cast<signed char*>(a.w) + 4096; }),
             Catch::Contains("y and w overlap"));
  CHECK(f.driver->launches.empty());
}

TEST_CASE("runtime: a residual and gates that a launch would be undefined with are refused, one line each") {
  const auto refused = [](const char* epilogue, auto change) {
    const Gemm gemm = with(kProblem, parse_epilogue(epilogue));
    Fixture f({{.problem = gemm}});
    FusedGemmArgs changed = gated_args();
    change(changed);
    const std::string said = error_of([&] { f.runtime->launch(f.runtime->prepare(gemm, 0), changed, kStream); });
    CHECK(f.driver->launches.size() == (said == "no error" ? 1 : 0));
    return said;
  };
  const char *const table = "residual=bf16,gate=table", *const index = "residual=bf16,gate=index";
  CHECK(refused(table, [](FusedGemmArgs&) {}) == "no error");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.r = nullptr; }) == "r is null (pass device memory)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.g = nullptr; }) == "g is null (pass device memory)");
  CHECK(refused(index, [](FusedGemmArgs&) {}) == "gate_index is null (pass device memory)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.gate_index = address<int>(10); }) ==
        "gate_index is given, but the epilogue does not take it (pass null)");
  CHECK(refused("residual=bf16", [](FusedGemmArgs&) {}) == "g is given, but the epilogue does not take it (pass null)");
  CHECK(refused("default", [](FusedGemmArgs& a) { a.g = nullptr; }) ==
        "r is given, but the epilogue does not take it (pass null)");
  CHECK(refused("default", [](FusedGemmArgs& a) { a.g = nullptr, a.ldr = 0; }) ==
        "r is given, but the epilogue does not take it (pass null)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.gates = 3; }) ==
        "3 gates of 1024 rows each are too few for 4096 rows (give a gate for each image)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.rows_per_gate = 1023; }) ==
        "4 gates of 1023 rows each are too few for 4096 rows (give a gate for each image)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.gates = 0; }) == "gates = 0 is out of range (give the rows of g)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.rows_per_gate = 0; }) ==
        "rows_per_gate = 0 is out of range (give the rows of an image)");
  CHECK(refused(index, [](FusedGemmArgs& a) { a.gates = kMaxExtent + 1; }) ==
        "gates = 2147483648 is out of range (give the rows of g)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.ldr = 4607; }) ==
        "ldr = 4607 is out of range (a row has 4608 elements, a stride at most 2147483647)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.ldg = 4607; }) ==
        "ldg = 4607 is out of range (a row has 4608 elements, a stride at most 2147483647)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.r = address<char>(8) + 8; }) ==
        "r is misaligned (align it to 16 bytes)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.r = static_cast<char*>(a.y) + 16; }) ==
        "y and r overlap (give each memory of its own)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.r = a.y, a.ldr = 4609; }) ==
        "y and r overlap (give each memory of its own)");
  CHECK(refused("residual=f32", [](FusedGemmArgs& a) { a.r = a.y, a.g = nullptr; }) ==
        "y and r overlap (give each memory of its own)");
  CHECK(refused(table, [](FusedGemmArgs& a) { a.g = a.y; }) == "y and g overlap (give each memory of its own)");
}

TEST_CASE("runtime: gates are counted where the epilogue has a table of them alone") {
  for (const char* epilogue : {"residual=bf16", "residual=bf16,gate=channel", "residual=bf16,gate=index"}) {
    INFO(epilogue);
    const Gemm gemm = with(kProblem, parse_epilogue(epilogue));
    Fixture f({{.problem = gemm}});
    FusedGemmArgs its = gated_args();
    its.rows_per_gate = -1;
    if (gemm.epilogue.gate == Gate::none) its.g = nullptr;
    if (gemm.epilogue.gate == Gate::index) its.gate_index = address<int>(10);
    if (gemm.epilogue.gate != Gate::index) its.gates = its.ldg = -1;
    CHECK(error_of([&] { f.runtime->launch(f.runtime->prepare(gemm, 0), its, kStream); }) == "no error");
  }
}

namespace {

// An H100 that keeps whole parameters. A map has its address and its pitch in it.
class HopperDriver : public FakeDriver {
 public:
  struct Kernel : LoadedKernel {
    explicit Kernel(const HopperDriver& of) : driver(of) {}
    void launch(const LaunchPlan&, const KernelParameter& parameter, CUstream_st*) const override {
      std::memcpy(&driver.launched, parameter.bytes.data(), sizeof driver.launched);
    }
    const HopperDriver& driver;
  };
  DeviceInfo device(int) const override { return find_device("H100"); }
  std::unique_ptr<const LoadedKernel> load(const std::string&, const std::string&, int, int) const override {
    return std::make_unique<Kernel>(*this);
  }
  TensorMap encode(const TensorMapSpec& spec, int) const override {
    if (refuses_maps) throw CudaError("the driver has no cuTensorMapEncodeTiled", "");
    ++encoded;
    TensorMap map{};
    map.opaque[0] = reinterpret_cast<std::uintptr_t>(spec.base);
    map.opaque[1] = static_cast<unsigned long long>(spec.pitch);
    map.opaque[2] = static_cast<unsigned long long>(spec.rows);
    return map;
  }
  TensorMap move(const TensorMap& map, const void* base, int) const override {
    TensorMap moved = map;
    moved.opaque[0] = reinterpret_cast<std::uintptr_t>(base);
    return moved;
  }
  mutable TmaGemmArgs launched{};
  mutable int encoded = 0;
  bool refuses_maps = false;
};

struct Hopper {
  explicit Hopper(bool refuses_maps = false) {
    driver->refuses_maps = refuses_maps;
    RuntimeParts parts;
    TuningRecord tuned = record({.config = parse_config("wgmma_s8:tile=128x128,stages=4")});
    tuned.key.device = device_class(find_device("H100"));
    parts.records = {tuned};
    parts.stored = [](const TuningRecord&) { return "a cubin"; };
    parts.driver = driver;
    runtime.emplace(std::move(parts));
  }
  std::shared_ptr<HopperDriver> driver = std::make_shared<HopperDriver>();
  std::optional<Runtime> runtime;
};

}  // namespace

TEST_CASE("runtime: a launch moves the tensor maps of rows without gaps, and encodes those of others") {
  const Hopper hopper;
  const Prepared& prepared = hopper.runtime->prepare(kProblem, 0);
  CHECK(hopper.driver->encoded == 3);
  FusedGemmArgs asked = args(kProblem);
  for (const int encoded : {3, 4}) {  // then X with gaps
    hopper.runtime->launch(prepared, asked, kStream);
    CHECK(hopper.driver->encoded == encoded);
    const TmaGemmArgs& launched = hopper.driver->launched;
    CHECK(launched.x.opaque[0] == reinterpret_cast<std::uintptr_t>(asked.x));
    CHECK(launched.w.opaque[0] == reinterpret_cast<std::uintptr_t>(asked.w));
    CHECK(launched.y.opaque[0] == reinterpret_cast<std::uintptr_t>(asked.y));
    CHECK(launched.x.opaque[1] == static_cast<unsigned long long>(asked.ldx));
    CHECK(launched.w.opaque[1] == static_cast<unsigned long long>(asked.ldw));
    CHECK(launched.y.opaque[1] == 2ull * static_cast<unsigned long long>(asked.ldy));
    CHECK(launched.x.opaque[2] == 4096);
    CHECK(launched.w.opaque[2] == 4608);
    asked.ldx += 16;
  }
}

TEST_CASE("runtime: where the driver describes no tensors, what is built in needs none") {
  const Hopper hopper(true);
  const Prepared& prepared = hopper.runtime->prepare(kProblem, 0);
  CHECK(prepared.match() == Match::fallback);
  CHECK_THAT(prepared.note(), Catch::Contains("cuTensorMapEncodeTiled"));
}
