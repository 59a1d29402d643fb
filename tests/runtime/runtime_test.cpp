// SPDX-License-Identifier: Apache-2.0
#include "ditune/runtime.hpp"

#include <atomic>
#include <cstring>
#include <optional>
#include <thread>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "fallback_args.cuh"
#include "gemm.hpp"
#include "generator/emit.hpp"
#include "generator/gemm_s8/fallback.hpp"
#include "generator/launch_plan.hpp"
#include "generator/search_space.hpp"
#include "runtime/fake_driver.hpp"
#include "runtime/runtime_parts.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const DeviceInfo& kCard = find_device("RTX 3090");
const KernelConfig kBig = parse_config("mma_s8:tile=128x128x64,warps=2x2,stages=3");
const KernelConfig kSplit = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3,split_k=2");
const Gemm kProblem{4096, 4608, 4608};
const auto kStream = reinterpret_cast<CUstream_st*>(0x10);

struct Row {
  Gemm problem = kProblem;
  KernelConfig config = kBig;
  std::string cubin_hash = "stored";
  bool stale = false;
  Source source = Source::measured;
  double us = 100;
  std::optional<Quantize> quantize = {};  // in place of the problem
};

TuningRecord record(const Row& row) {
  TuningRecord result;
  const Operation operation = row.quantize ? Operation(*row.quantize) : row.problem;
  result.key = {device_class(kCard), operation, row.stale ? "0000000000000000" : template_hash(row.config)};
  result.config = row.config;
  result.source = row.source;
  (row.source == Source::measured ? result.median_us : result.predicted_us) = row.us;
  result.cubin_hash = row.cubin_hash;
  return result;
}

// A runtime with what its parts were asked for. A record's cubin_hash is its cubin.
struct Fixture {
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;
  explicit Fixture(const std::vector<Row>& rows, bool has_compiler = true) {
    RuntimeParts parts;
    for (const Row& row : rows) parts.records.push_back(record(row));
    parts.stored = [this](const TuningRecord& its) {
      ++reads;
      return its.cubin_hash;
    };
    if (has_compiler)
      parts.compile = [this](const KernelConfig& config, const Operation& operation, SmArch arch) {
        ++compilations;
        const std::string name = emit(config, operation).name;
        return KernelImage{"compiled for " + format(arch), name};
      };
    parts.driver = driver;
    runtime.emplace(std::move(parts));
  }

  std::shared_ptr<FakeDriver> driver = std::make_shared<FakeDriver>();
  std::atomic<int> reads = 0, compilations = 0;
  std::optional<Runtime> runtime;
};

// Far apart, and never read.
template <class T>
T* address(std::uintptr_t number) {
  return reinterpret_cast<T*>(number << 40);
}

FusedGemmArgs args(const Gemm& problem = kProblem) {
  FusedGemmArgs its{};
  its.x = address<signed char>(1), its.w = address<signed char>(2), its.y = address<void>(3);
  its.sx = address<float>(4), its.sw = address<float>(5), its.workspace = address<void>(6);
  its.m = problem.m, its.n = problem.n, its.k = problem.k;
  its.ldx = its.ldw = problem.k, its.ldy = output_columns(problem);
  return its;
}

// With a residual, and a gate for each of four images.
FusedGemmArgs gated_args(const Gemm& problem = kProblem) {
  FusedGemmArgs its = args(problem);
  its.r = address<void>(8), its.g = address<void>(9);
  its.ldr = its.ldg = problem.n;
  its.gates = 4, its.rows_per_gate = problem.m / 4;
  return its;
}

template <class T>
T parameter_of(const FakeLaunch& launch) {
  REQUIRE(launch.parameter.size == sizeof(T));
  T value;
  std::memcpy(&value, launch.parameter.bytes.data(), sizeof value);
  return value;
}

// Arguments have no gaps.
bool are_same_bytes(const FusedGemmArgs& a, const FusedGemmArgs& b) {
  return std::memcmp(static_cast<const void*>(&a), static_cast<const void*>(&b), sizeof a) == 0;
}

std::string shared(const KernelConfig& config, const Gemm& problem = kProblem) {
  return std::to_string(launch_plan(config, {problem, kCard}).shared_bytes);
}

template <class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("runtime: a stored kernel is loaded without a compiler, once for each device") {
  Fixture f({Row{}}, false);
  const Prepared& prepared = f.runtime->prepare(kProblem, 1);
  CHECK(prepared.match() == Match::exact);
  CHECK(prepared.config() == kBig);
  CHECK(prepared.device() == 1);
  CHECK(prepared.note().empty());
  CHECK(prepared.workspace_bytes() == 0);
  CHECK(&f.runtime->prepare(kProblem, 1) == &prepared);
  CHECK(f.driver->loaded == std::vector<std::string>{"1: stored, " + shared(kBig)});
  f.runtime->prepare(kProblem, 0);
  CHECK(f.driver->loaded.size() == 2);
  CHECK(f.runtime->prepare(Gemm{4000, 4608, 4608}, 0).match() == Match::nearest_m);
  CHECK(f.driver->loaded.size() == 2);  // the same kernel
}

TEST_CASE("runtime: a stored kernel that does not fit the device is compiled, and that is said") {
  Fixture f({{.cubin_hash = "bad image"}});
  const Prepared& prepared = f.runtime->prepare(kProblem, 0);
  CHECK(f.compilations == 1);
  CHECK(f.driver->loaded == std::vector<std::string>{"0: compiled for sm_86, " + shared(kBig)});
  CHECK_THAT(prepared.note(), Catch::Contains("no kernel image"));
}

TEST_CASE("runtime: the kernel of older templates is never loaded") {
  Fixture f({Row{.stale = true}});
  CHECK(f.runtime->prepare(kProblem, 0).match() == Match::stale);
  CHECK(f.reads == 0);
  CHECK(f.compilations == 1);
}

TEST_CASE("runtime: with no database and no compiler what is built in serves every problem and epilogue") {
  Fixture f({}, false);
  for (const Gemm problem : {kProblem, Gemm{1, 1, 1}, {17, 33, 7}, {4096, 4608, 4604}})
    for (const char* text : {"default", "bias=bf16", "sx=tensor,sw=tensor,bias=f32,out=f16", "out=s32"}) {
      const Epilogue epilogue = parse_epilogue(text);
      const Prepared& prepared = f.runtime->prepare(with(problem, epilogue), 0);
      CHECK(prepared.match() == Match::fallback);
      CHECK_FALSE(refusal(prepared.config(), {with(problem, epilogue), kCard}));
      CHECK_THAT(prepared.note(), Catch::Contains("there is no compiler"));
    }
  f.runtime->launch(f.runtime->prepare(Gemm{17, 33, 7}, 0), args({17, 33, 7}), kStream);
  CHECK(f.driver->launches.size() == 1);
  CHECK_THAT(f.driver->loaded.back(), Catch::Contains(".target sm_80"));
  CHECK(f.driver->loaded.size() == fallback_configs().size());  // whatever the epilogue
}

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

TEST_CASE("runtime: where no kernel can be had all the reasons are given") {
  Fixture f({{.cubin_hash = "bad image"}}, false);
  f.driver->refuses_ptx = true;
  const std::string said = error_of([&] { f.runtime->prepare(kProblem, 0); });
  CHECK_THAT(said, Catch::Contains("no kernel image") && Catch::Contains("there is no compiler"));
  CHECK(error_of([&] { f.runtime->prepare(kProblem, 0); }) == said);  // and is not kept as prepared
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
    CHECK(f.driver->launches.size() == (said.empty() ? 1 : 0));
    return said;
  };
  const char *const table = "residual=bf16,gate=table", *const index = "residual=bf16,gate=index";
  CHECK(refused(table, [](FusedGemmArgs&) {}).empty());
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
    CHECK(error_of([&] { f.runtime->launch(f.runtime->prepare(gemm, 0), its, kStream); }).empty());
  }
}

TEST_CASE("runtime: a device that is not there and an illegal problem are refused") {
  Fixture f({Row{}});
  CHECK_THAT(error_of([&] { f.runtime->prepare(kProblem, 2); }), Catch::Contains("no GPU 2, visible: 2"));
  CHECK_THROWS_AS(f.runtime->lookup(kProblem, -1), UsageError);
  CHECK_THROWS_AS(f.runtime->prepare(Gemm{0, 4608, 4608}, 0), UsageError);
}

TEST_CASE("runtime: eight threads that prepare and launch at once load each kernel once") {
  std::vector<Row> rows;
  std::vector<Gemm> problems;
  for (std::int64_t i = 0; i < 24; ++i) {
    problems.push_back({1 + 97 * i, 1024 + 64 * (i % 6), 4608});
    rows.push_back({.problem = problems.back(), .config = i % 2 == 0 ? kBig : kSplit});
  }
  Fixture f(rows);
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 10 * problems.size(); ++i) {
        const Gemm& problem = problems[(i * (2 * t + 1)) % problems.size()];
        try {
          const int device = static_cast<int>(i / 2 % 2);
          if (i % 3 == 0)
            f.runtime->launch(f.runtime->prepare(problem, device), args(problem), kStream);
          else
            f.runtime->launch(args(problem), {}, device, kStream);
        } catch (const Error&) {
          ++failed;
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(f.driver->launches.size() == 8 * 10 * problems.size());
  CHECK(f.driver->loaded.size() == 4);  // two configs on two devices
  CHECK(f.compilations == 0);
}

TEST_CASE("runtime: of several databases the first that knows a problem counts") {
  const TuningRecord mine = record({.us = 120}), theirs = record({.us = 100});
  const TuningRecord guess = record({.source = Source::predicted, .us = 90}), old = record({.stale = true, .us = 80});
  const TuningRecord other = record({.problem = {16, 4608, 4608}});
  const auto times = [](const std::vector<std::vector<TuningRecord>>& databases) {
    std::vector<double> us;
    for (const TuningRecord& its : in_order(databases)) us.push_back(its.microseconds());
    return us;
  };
  CHECK(times({{mine}, {theirs}}) == std::vector<double>{120});
  CHECK(times({{theirs}, {mine}}) == std::vector<double>{100});
  CHECK(times({{guess}, {theirs}}) == std::vector<double>{90, 100});  // of which lookup takes the measured one
  CHECK(times({{mine}, {guess}}) == std::vector<double>{120});
  CHECK(times({{old}, {theirs}}) == std::vector<double>{80, 100});
  CHECK(times({{other}, {mine, theirs}}).size() == 3);  // within a file lookup chooses
  CHECK(in_order({}).empty());
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

namespace {

const Quantize kRows{.m = 512, .k = 4608, .prologue = {.norm = Norm::rms}};
const KernelConfig kRowsConfig = parse_config("registers_s8:threads=128,octets=5");

QuantizeArgs rows_args() {
  QuantizeArgs its = Operands<Quantize>::packed(kRows);
  its.x = reinterpret_cast<void*>(std::uintptr_t{1} << 40);
  its.q = reinterpret_cast<void*>(std::uintptr_t{2} << 40);
  its.scale = reinterpret_cast<float*>(std::uintptr_t{3} << 40);
  return its;
}

}  // namespace

TEST_CASE("runtime: a quantize is launched with its arguments, prepared or not") {
  Fixture f({Row{.config = kRowsConfig, .quantize = kRows}});
  f.runtime->launch(rows_args(), kRows.prologue, 0, kStream);
  const Prepared& prepared = f.runtime->prepare(kRows, 0);
  CHECK(prepared.match() == Match::exact);
  f.runtime->launch(prepared, rows_args(), nullptr);
  REQUIRE(f.driver->launches.size() == 2);
  for (const FakeLaunch& launch : f.driver->launches) {
    CHECK(launch.kernel == emit(kRowsConfig, kRows).name);
    CHECK(launch.plan.grid == launch_plan(kRowsConfig, {kRows, kCard}).grid);
    const auto passed = parameter_of<QuantizeArgs>(launch);
    CHECK((passed.x == rows_args().x && passed.q == rows_args().q && passed.scale == rows_args().scale));
    CHECK((passed.m == 512 && passed.ldq == 4608 && passed.eps == 1e-6F));
  }
  QuantizeArgs wrong = rows_args();
  wrong.m = 511;
  CHECK(error_of([&] { f.runtime->launch(prepared, wrong, kStream); }) ==
        "the arguments are of 511x4608, the kernel was prepared for 512x4608 (prepare the problem that is launched)");
}

TEST_CASE("runtime: a kernel is not launched with the arguments of another kind") {
  Fixture f({Row{}, Row{.config = kRowsConfig, .quantize = kRows}});
  CHECK(error_of([&] { f.runtime->launch(f.runtime->prepare(kRows, 0), args(), kStream); }) ==
        "the kernel was prepared for quantize_s8, the arguments are not (launch it with the arguments of its kind)");
  CHECK(error_of([&] { f.runtime->launch(f.runtime->prepare(kProblem, 0), rows_args(), kStream); }) ==
        "the kernel was prepared for gemm_s8, the arguments are not (launch it with the arguments of its kind)");
  CHECK(f.driver->launches.empty());
}

TEST_CASE("runtime: a quantize that nothing is stored of is compiled, and without a compiler there is none") {
  Fixture compiling(std::vector<Row>{}), without(std::vector<Row>{}, false);
  CHECK(compiling.runtime->prepare(kRows, 0).match() == Match::model);
  CHECK(compiling.compilations == 1);
  CHECK_THROWS_AS(without.runtime->prepare(kRows, 0), NoKernelError);
  CHECK_THAT(error_of([&] { without.runtime->prepare(kRows, 0); }),
             Catch::Contains("none of quantize_s8 is built in (tune it on"));
}
