// SPDX-License-Identifier: Apache-2.0
// The C ABI with a driver that has no GPU: the answers, and every misuse that can be seen from the host.
#include <ditune/ditune.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "c_api/machine.hpp"
#include "catch.hpp"
#include "db/fixtures.hpp"
#include "db/sqlite.hpp"
#include "db/store.hpp"
#include "generator/emit.hpp"
#include "generator/launch_plan.hpp"

using namespace ditune;
using namespace ditune::test;

const std::shared_ptr<FakeDriver>& ditune::test::driver() {
  static const auto instance = std::make_shared<FakeDriver>();
  return instance;
}

bool ditune::test::says(const std::string& what) {
  INFO(ditune_last_error());
  return std::string(ditune_last_error()).find(what) != std::string::npos;
}

// In place of the one of the library.
std::shared_ptr<const Driver> ditune::cuda_driver() { return driver(); }

namespace {

ditune_problem problem(std::int64_t m = 4096) {
  ditune_problem its{};
  its.size = sizeof its;
  its.m = m;
  its.n = its.k = 4608;
  return its;
}

ditune_args args() {
  ditune_args its{};
  its.size = sizeof its;
  its.x = address<void>(1);
  its.w = address<void>(2);
  its.y = address<void>(3);
  its.sx = address<void>(4);
  its.sw = address<void>(5);
  its.ldx = its.ldw = its.ldy = 4608;
  return its;
}

// With a residual, and a gate for each of four images.
ditune_problem gated_problem() {
  ditune_problem its = problem();
  its.residual = DITUNE_RESIDUAL_BF16;
  its.gate = DITUNE_GATE_TABLE;
  return its;
}

ditune_args gated_args() {
  ditune_args its = args();
  its.r = address<void>(8);
  its.g = address<void>(9);
  its.ldr = 4608, its.ldg = 4624;
  its.gates = 4, its.rows_per_gate = 1024;
  return its;
}

// Bytes of structs in the first version of the header.
constexpr std::size_t kFirstProblem = offsetof(ditune_problem, from), kFirstArgs = offsetof(ditune_args, r);

// A runtime of a database with the winners of 4096x4608x4608, plain and with a residual and gates.
struct Opened : OpenedRuntime {
  Opened()
      : OpenedRuntime({machine_winner(Gemm{4096, 4608, 4608}),
                       machine_winner(Gemm{4096, 4608, 4608, {.residual = Residual::bf16, .gate = Gate::table}})}) {}

  ditune_kernel prepare() const {
    const ditune_problem its = problem();
    ditune_kernel kernel{};
    REQUIRE(ditune_prepare(runtime, 0, &its, &kernel) == DITUNE_OK);
    return kernel;
  }
};

ditune_device device(const char* name, std::int32_t arch = 0, std::int32_t sms = 0) {
  ditune_device its{};
  its.size = sizeof its;
  its.name = name;
  its.arch = arch;
  its.sms = sms;
  return its;
}

// What a lookup answers, which must not fail.
ditune_kernel_info looked_up(const Opened& opened, const ditune_device& device, const ditune_problem& asked) {
  ditune_kernel_info info{};
  info.size = sizeof info;
  const ditune_status status = ditune_lookup(opened.runtime, &device, &asked, &info);
  INFO(ditune_last_error());
  REQUIRE(status == DITUNE_OK);
  return info;
}

}  // namespace

TEST_CASE("c: a stored winner is prepared, described and launched") {
  const Opened opened;
  const ditune_kernel kernel = opened.prepare();
  ditune_kernel_info info{};
  info.size = sizeof info;
  REQUIRE(ditune_query(kernel, &info) == DITUNE_OK);
  CHECK(info.match == DITUNE_MATCH_EXACT);
  CHECK(info.device == 0);
  CHECK(info.workspace_bytes == 0);
  CHECK(std::string(info.config) == format(measured_record().config));
  CHECK(std::string(info.note).empty());
  const ditune_args its = args();
  int stream = 0;
  REQUIRE(ditune_launch(kernel, &its, &stream) == DITUNE_OK);
  const ditune_problem asked = problem();
  REQUIRE(ditune_run(opened.runtime, 0, &asked, &its, nullptr) == DITUNE_OK);
  REQUIRE(driver()->launches.size() == 2);
  CHECK(driver()->launches[0].stream == reinterpret_cast<CUstream_st*>(&stream));
  CHECK(driver()->launches[0].args.m == 4096);
  CHECK(driver()->launches[1].args.y == its.y);
}

TEST_CASE("c: a lookup needs no GPU, and finds what would be prepared on one") {
  const Opened opened;
  const std::string winner = format(measured_record().config);
  driver()->devices = 0;
  const ditune_kernel_info exact = looked_up(opened, device("RTX 3090"), problem());
  CHECK(exact.match == DITUNE_MATCH_EXACT);
  CHECK(exact.config == winner);
  CHECK(exact.device == -1);
  CHECK(exact.workspace_bytes == 0);
  CHECK(std::string(exact.note).empty());
  CHECK(looked_up(opened, device("RTX 3090"), problem()).config == exact.config);  // the text, too, is kept
  const ditune_kernel_info near = looked_up(opened, device("nvidia geforce rtx 3090", 86, 0), problem(4000));
  CHECK(near.match == DITUNE_MATCH_NEAREST_M);
  CHECK(near.config == exact.config);
  CHECK(looked_up(opened, device(nullptr, 86), problem()).match == DITUNE_MATCH_EXACT);
  CHECK(looked_up(opened, device("", 86), problem()).match == DITUNE_MATCH_EXACT);
  CHECK(looked_up(opened, device("NVIDIA GeForce RTX 3090", 86, 82), problem()).match == DITUNE_MATCH_EXACT);
  CHECK(looked_up(opened, device("NVIDIA RTX Unheard Of", 86, 40), problem()).match == DITUNE_MATCH_OTHER_DEVICE);
  CHECK(looked_up(opened, device(nullptr, 86, 40), problem()).match == DITUNE_MATCH_OTHER_DEVICE);
  const ditune_kernel_info modelled = looked_up(opened, device("H100"), problem());
  CHECK(modelled.match == DITUNE_MATCH_MODEL);
  CHECK(std::string(modelled.config).starts_with("wgmma_s8:"));
  CHECK(driver()->loaded.empty());
}

TEST_CASE("c: a lookup tells the workspace that the kernel needs for the problem that was asked") {
  const Opened opened;
  ditune_problem small = problem(16);
  small.n = 256;
  const ditune_kernel_info info = looked_up(opened, device("RTX 3090"), small);
  CAPTURE(info.config);
  const LaunchPlan plan = launch_plan(parse_config(info.config), {Gemm{16, 256, 4608}, find_device("RTX 3090")});
  CHECK(plan.workspace_bytes > 0);
  CHECK(info.workspace_bytes == plan.workspace_bytes);
}

TEST_CASE("c: where no kernel runs a problem a lookup says so") {
  const Opened opened;
  ditune_problem huge = problem(2147483647);
  huge.n = 2147483647;
  const ditune_kernel_info info = looked_up(opened, device("RTX 3090"), huge);
  CHECK(info.match == DITUNE_MATCH_NONE);
  CHECK(std::string(info.config).empty());
}

TEST_CASE("c: a lookup for a GPU that is not told from others is refused, and answers nothing") {
  const Opened opened;
  const ditune_problem asked = problem();
  const auto refused = [&](const ditune_device& its, const char* what) {
    ditune_kernel_info info{};
    info.size = sizeof info;
    info.match = 77;
    const ditune_status status = ditune_lookup(opened.runtime, &its, &asked, &info);
    CHECK(says(what));
    return status == DITUNE_INVALID_ARGUMENT && info.match == 77 && !info.config;
  };
  CHECK(refused(device(nullptr), "neither a name nor an arch"));
  CHECK(refused(device("", 0, 82), "neither a name nor an arch"));
  CHECK(refused(device("Unheard Of"), "'Unheard Of'"));
  CHECK(refused(device("Unheard Of", 86), "set its arch and sms, too"));
  CHECK(refused(device("Unheard Of", 0, 82), "set its arch and sms, too"));
  CHECK(refused(device("RTX"), "'RTX'"));
  CHECK(refused(device("RTX 3090", 89), "is sm_86"));
  CHECK(refused(device("RTX 3090", 0, 81), "has 82 SMs"));
  CHECK(refused(device("Unheard Of", 75, 82), "sm_75 is too old"));
  CHECK(refused(device(nullptr, -86), "arch is -86"));
  CHECK(refused(device("RTX 3090", 86, -1), "sms is -1"));
  CHECK(refused(device("RTX 3090", 86, 65536), "sms is 65536"));
  ditune_kernel_info info{};
  info.size = sizeof info;
  const ditune_device good = device("RTX 3090");
  CHECK(ditune_lookup(opened.runtime, nullptr, &asked, &info) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("device is null"));
  CHECK(ditune_lookup(opened.runtime, &good, nullptr, &info) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("problem is null"));
  CHECK(ditune_lookup(opened.runtime, &good, &asked, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("info is null"));
  info.size = 1;
  CHECK(ditune_lookup(opened.runtime, &good, &asked, &info) == DITUNE_INVALID_ARGUMENT);
  CHECK(ditune_lookup(0, &good, &asked, &info) == DITUNE_INVALID_HANDLE);
}

TEST_CASE("c: a handle that was closed, or never was one, is told") {
  ditune_runtime closed = 0;
  ditune_kernel kernel{};
  {
    const Opened opened;
    closed = opened.runtime;
    kernel = opened.prepare();
    CHECK(ditune_launch({opened.runtime, 0}, nullptr, nullptr) == DITUNE_INVALID_HANDLE);
  }
  const Opened another;  // in the same place
  CHECK(another.runtime != closed);
  const ditune_problem its = problem();
  const ditune_args launched = args();
  ditune_kernel_info info{};
  info.size = sizeof info;
  ditune_kernel out{};
  for (const ditune_runtime handle : {closed, ditune_runtime{0}, ditune_runtime{12345678901}, ~ditune_runtime{0}}) {
    CAPTURE(handle);
    out = {1, 1};
    CHECK(ditune_prepare(handle, 0, &its, &out) == DITUNE_INVALID_HANDLE);
    CHECK(says("not open"));
    CHECK((out.runtime == 0 && out.id == 0));
    CHECK(ditune_run(handle, 0, &its, &launched, nullptr) == DITUNE_INVALID_HANDLE);
    CHECK(ditune_close(handle) == DITUNE_INVALID_HANDLE);
    CHECK(ditune_query({handle, kernel.id}, &info) == DITUNE_INVALID_HANDLE);
    CHECK(ditune_launch({handle, kernel.id}, &launched, nullptr) == DITUNE_INVALID_HANDLE);
  }
  CHECK(ditune_launch(kernel, &launched, nullptr) == DITUNE_INVALID_HANDLE);
  CHECK(driver()->launches.empty());
}

TEST_CASE("c: a kernel that its runtime did not prepare is told, whatever its id") {
  const Opened opened, another;
  const ditune_kernel kernel = opened.prepare(), other = another.prepare();
  const ditune_args launched = args();
  ditune_kernel_info info{};
  info.size = sizeof info;
  for (const ditune_kernel wrong :
       {ditune_kernel{kernel.runtime, other.id}, ditune_kernel{kernel.runtime, 1},
        ditune_kernel{kernel.runtime, kernel.id + 8}, ditune_kernel{kernel.runtime, ~std::uint64_t{0}},
        ditune_kernel{kernel.runtime, kernel.runtime}}) {
    CAPTURE(wrong.id);
    CHECK(ditune_query(wrong, &info) == DITUNE_INVALID_HANDLE);
    CHECK(says("none of this runtime"));
    CHECK(ditune_launch(wrong, &launched, nullptr) == DITUNE_INVALID_HANDLE);
  }
  CHECK(ditune_launch(ditune_kernel{kernel.id, kernel.runtime}, &launched, nullptr) == DITUNE_INVALID_HANDLE);
  CHECK(driver()->launches.empty());
}

TEST_CASE("c: null is told") {
  const Opened opened;
  const ditune_problem its = problem();
  ditune_kernel kernel{};
  CHECK(ditune_open(nullptr, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("runtime is null"));
  CHECK(ditune_prepare(opened.runtime, 0, nullptr, &kernel) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("problem is null"));
  CHECK(ditune_prepare(opened.runtime, 0, &its, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(ditune_query(opened.prepare(), nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(ditune_launch(opened.prepare(), nullptr, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("args is null"));
  CHECK(ditune_run(opened.runtime, 0, nullptr, nullptr, nullptr) == DITUNE_INVALID_ARGUMENT);
  ditune_open_options options = opened.options;
  options.databases = nullptr;
  ditune_runtime runtime = 0;
  CHECK(ditune_open(&options, &runtime) == DITUNE_INVALID_ARGUMENT);
  const char* name = nullptr;
  options.databases = &name;
  CHECK(ditune_open(&options, &runtime) == DITUNE_INVALID_ARGUMENT);
  CHECK(runtime == 0);
}

TEST_CASE("c: a misaligned struct is told before it is read") {
  const Opened opened;
  alignas(16) unsigned char memory[256] = {};
  const auto misaligned = [&]<class T>(T*) { return reinterpret_cast<T*>(memory + alignof(T) / 2); };
  const ditune_problem its = problem();
  ditune_kernel kernel{};
  ditune_runtime runtime = 0;
  CHECK(ditune_open(misaligned(&opened.options), &runtime) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("options is misaligned"));
  CHECK(ditune_open(nullptr, misaligned(&runtime)) == DITUNE_INVALID_ARGUMENT);
  CHECK(ditune_prepare(opened.runtime, 0, misaligned(&its), &kernel) == DITUNE_INVALID_ARGUMENT);
  CHECK(ditune_prepare(opened.runtime, 0, &its, misaligned(&kernel)) == DITUNE_INVALID_ARGUMENT);
  CHECK(ditune_query(opened.prepare(), misaligned(static_cast<ditune_kernel_info*>(nullptr))) ==
        DITUNE_INVALID_ARGUMENT);
  CHECK(ditune_launch(opened.prepare(), misaligned(static_cast<const ditune_args*>(nullptr)), nullptr) ==
        DITUNE_INVALID_ARGUMENT);
  CHECK(says("args is misaligned"));
}

TEST_CASE("c: a struct of another size is taken as far as it is understood") {
  const Opened opened;
  struct Grown {
    ditune_problem known;
    std::int64_t added;
  } grown{problem(), 0};
  grown.known.size = sizeof grown;
  ditune_kernel kernel{};
  CHECK(ditune_prepare(opened.runtime, 0, &grown.known, &kernel) == DITUNE_OK);
  grown.added = 1;  // means something that this library does not know
  CHECK(ditune_prepare(opened.runtime, 0, &grown.known, &kernel) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("problem->size is " + std::to_string(sizeof grown)));
  for (const std::size_t size :
       {std::size_t{0}, kFirstProblem - 1, 64 * sizeof(ditune_problem) + 1, std::size_t{1} << 40}) {
    ditune_problem its = problem();
    its.size = size;
    CAPTURE(size);
    CHECK(ditune_prepare(opened.runtime, 0, &its, &kernel) == DITUNE_INVALID_ARGUMENT);
  }
  CHECK(kernel.id == 0);
}

TEST_CASE("c: of structs of the first version what they lack is zero, and what lies behind them is not read") {
  const Opened opened;
  CHECK(kFirstProblem == 56);
  CHECK(kFirstArgs == 88);
  ditune_problem its = problem();
  its.size = kFirstProblem;
  its.from = -1, its.residual = 77, its.gate = 77;  // another's memory
  ditune_kernel kernel{};
  REQUIRE(ditune_prepare(opened.runtime, 0, &its, &kernel) == DITUNE_OK);
  const ditune_kernel known = opened.prepare();
  CHECK((kernel.runtime == known.runtime && kernel.id == known.id));
  ditune_args launched = args();
  launched.size = kFirstArgs;
  launched.r = launched.g = address<void>(8);
  launched.gate_index = address<std::int32_t>(10);
  launched.ldr = launched.ldg = launched.gates = launched.rows_per_gate = -1;
  CHECK(ditune_launch(kernel, &launched, nullptr) == DITUNE_OK);
  CHECK(ditune_run(opened.runtime, 0, &its, &launched, nullptr) == DITUNE_OK);
  launched.size = kFirstArgs - 1;
  CHECK(ditune_launch(kernel, &launched, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("args->size is 87"));
  CHECK(driver()->launches.size() == 2);
}

TEST_CASE("c: a caller with arguments of the first version cannot launch a residual, and is told") {
  const Opened opened;
  const ditune_problem its = gated_problem();
  ditune_args launched = gated_args();
  CHECK(ditune_run(opened.runtime, 0, &its, &launched, nullptr) == DITUNE_OK);
  launched.size = kFirstArgs;
  CHECK(ditune_run(opened.runtime, 0, &its, &launched, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(driver()->launches.size() == 1);
}

TEST_CASE("c: a kernel with a residual and gates gets what it reads, in place, too") {
  const Opened opened;
  const ditune_problem its = gated_problem();
  ditune_kernel kernel{};
  REQUIRE(ditune_prepare(opened.runtime, 0, &its, &kernel) == DITUNE_OK);
  ditune_args launched = gated_args();
  for (const void* r : {launched.r, static_cast<const void*>(launched.y)}) {
    launched.r = r;
    REQUIRE(ditune_launch(kernel, &launched, nullptr) == DITUNE_OK);
    const KernelParameter& parameter = driver()->launches.back().parameter;
    REQUIRE(parameter.size >= sizeof(FusedGemmArgs));  // of mma_s8, or of the built-in kernel, which begins with it
    FusedGemmArgs passed;
    std::memcpy(&passed, parameter.bytes.data(), sizeof passed);
    CHECK((passed.x == launched.x && passed.w == launched.w && passed.y == launched.y && passed.sx == launched.sx &&
           passed.sw == launched.sw && passed.bias == nullptr && passed.workspace == launched.workspace));
    CHECK((passed.m == 4096 && passed.n == 4608 && passed.k == 4608));
    CHECK((passed.ldx == 4608 && passed.ldw == 4608 && passed.ldy == 4608));
    CHECK((passed.r == r && passed.g == launched.g && passed.gate_index == nullptr));
    CHECK((passed.ldr == 4608 && passed.ldg == 4624 && passed.gates == 4 && passed.rows_per_gate == 1024));
  }
  CHECK(driver()->launches.size() == 2);
}

TEST_CASE("c: a problem's words mean what the text form says") {
  Opened opened;
  std::string command;
  opened.options.user = &command;
  opened.options.on_miss = [](const ditune_problem*, std::int32_t, const char* its, void* user) {
    *static_cast<std::string*>(user) = its;
  };
  ditune_runtime runtime = 0;
  REQUIRE(ditune_open(&opened.options, &runtime) == DITUNE_OK);
  const auto asked = [&](auto change) {
    ditune_problem its = problem(64);
    its.n = its.k = 64;
    change(its);
    const ditune_device card = device("RTX 3090");
    ditune_kernel_info info{};
    info.size = sizeof info;
    CHECK(ditune_lookup(runtime, &card, &its, &info) == DITUNE_OK);
    return command.substr(command.rfind(' ') + 1);
  };
  CHECK(asked([](ditune_problem& p) { p.op = DITUNE_OP_GELU_TANH, p.from = 32; }) == "op=gelu_tanh,from=32");
  CHECK(asked([](ditune_problem& p) { p.op = DITUNE_OP_GELU_ERF, p.residual = DITUNE_RESIDUAL_F32; }) ==
        "op=gelu_erf,residual=f32");
  CHECK(asked([](ditune_problem& p) {
          p.op = DITUNE_OP_SILU, p.residual = DITUNE_RESIDUAL_BF16, p.gate = DITUNE_GATE_INDEX;
        }) == "op=silu,residual=bf16,gate=index");
  CHECK(asked([](ditune_problem& p) {
          p.op = DITUNE_OP_SIGMOID, p.residual = DITUNE_RESIDUAL_F16, p.gate = DITUNE_GATE_TABLE;
        }) == "op=sigmoid,residual=f16,gate=table");
  CHECK(asked([](ditune_problem& p) { p.op = DITUNE_OP_SWIGLU, p.out = DITUNE_OUT_F16; }) == "op=swiglu,out=f16");
  CHECK(asked([](ditune_problem& p) { p.residual = DITUNE_RESIDUAL_BF16, p.gate = DITUNE_GATE_CHANNEL; }) ==
        "residual=bf16,gate=channel");
  CHECK(ditune_close(runtime) == DITUNE_OK);
}

TEST_CASE("c: an epilogue that makes no sense is refused, one line each") {
  const Opened opened;
  const auto refused = [&](auto change) {
    ditune_problem its = problem();
    change(its);
    ditune_kernel kernel{1, 1};
    CHECK(ditune_prepare(opened.runtime, 0, &its, &kernel) == DITUNE_INVALID_ARGUMENT);
    CHECK(kernel.id == 0);
    return std::string(ditune_last_error());
  };
  const std::string s32 =
      "out=s32 is the accumulator itself (leave out sx, sw, bias, op, from, residual and gate, or choose another out)";
  CHECK(refused([](ditune_problem& p) { p.op = DITUNE_OP_SILU, p.out = DITUNE_OUT_S32; }) == s32);
  CHECK(refused([](ditune_problem& p) { p.residual = DITUNE_RESIDUAL_F32, p.out = DITUNE_OUT_S32; }) == s32);
  CHECK(refused([](ditune_problem& p) { p.gate = DITUNE_GATE_CHANNEL; }) ==
        "gate=channel without a residual (give the residual's type, or no gate)");
  CHECK(refused([](ditune_problem& p) { p.op = DITUNE_OP_SWIGLU, p.n = 4607; }) ==
        "N = 4607 is odd (swiglu takes pairs of rows of W)");
  CHECK(refused([](ditune_problem& p) { p.op = DITUNE_OP_SWIGLU, p.residual = DITUNE_RESIDUAL_BF16; }) ==
        "a residual behind swiglu (leave out one of them: no block of a model has both)");
  CHECK(refused([](ditune_problem& p) { p.op = DITUNE_OP_SILU, p.from = 4608; }) ==
        "from = 4608 is beyond the 4608 columns (give the first column of the op, or no op)");
  CHECK(refused([](ditune_problem& p) { p.from = 8; }) ==
        "from=8 with op=none (it is for an op of single columns, like gelu_tanh)");
  for (const std::int64_t from : {std::int64_t{-1}, std::int64_t{1} << 31, std::int64_t{1} << 32, INT64_MIN}) {
    CAPTURE(from);
    CHECK(refused([&](ditune_problem& p) { p.op = DITUNE_OP_SILU, p.from = from; }) ==
          "from is " + std::to_string(from) + " (give the first column of the op)");
  }
  CHECK(refused([](ditune_problem& p) { p.op = 6; }) == "op is 6 (use one of the header's words)");
  CHECK(refused([](ditune_problem& p) { p.op = -1; }) == "op is -1 (use one of the header's words)");
  CHECK(refused([](ditune_problem& p) { p.residual = 4; }) == "residual is 4 (use one of the header's words)");
  CHECK(refused([](ditune_problem& p) { p.gate = 4; }) == "gate is 4 (use one of the header's words)");
}

TEST_CASE("c: a residual and gates that are wrong are refused, one line each, and nothing is launched") {
  const Opened opened;
  const ditune_problem its = gated_problem();
  ditune_kernel kernel{};
  REQUIRE(ditune_prepare(opened.runtime, 0, &its, &kernel) == DITUNE_OK);
  const auto refused = [&](auto change) {
    ditune_args launched = gated_args();
    change(launched);
    CHECK(ditune_launch(kernel, &launched, nullptr) == DITUNE_INVALID_ARGUMENT);
    return std::string(ditune_last_error());
  };
  CHECK(refused([](ditune_args& a) { a.r = nullptr; }) == "r is null (pass device memory)");
  CHECK(refused([](ditune_args& a) { a.g = nullptr; }) == "g is null (pass device memory)");
  CHECK(refused([](ditune_args& a) { a.gate_index = address<std::int32_t>(10); }) ==
        "gate_index is given, but the epilogue does not take it (pass null)");
  CHECK(refused([](ditune_args& a) { a.r = static_cast<char*>(a.y) + 16; }) ==
        "y and r overlap (give each memory of its own)");
  CHECK(refused([](ditune_args& a) { a.r = a.y, a.ldr = 4616; }) == "y and r overlap (give each memory of its own)");
  CHECK(refused([](ditune_args& a) { a.ldr = 4607; }).starts_with("ldr = 4607 is out of range"));
  CHECK(refused([](ditune_args& a) { a.ldg = 4607; }).starts_with("ldg = 4607 is out of range"));
  CHECK(refused([](ditune_args& a) { a.gates = 0; }) == "gates = 0 is out of range (give the rows of g)");
  CHECK(refused([](ditune_args& a) { a.gates = 3; }) ==
        "3 gates of 1024 rows each are too few for 4096 rows (give a gate for each image)");
  CHECK(refused([](ditune_args& a) {
          a.rows_per_gate = INT64_MAX;
        }).starts_with("rows_per_gate = 9223372036854775807 is out of range"));
  CHECK(driver()->launches.empty());
}

TEST_CASE("c: rows of gate and up are interleaved, and what cannot be is refused") {
  const std::string gate = "aabbcc", up = "112233";
  std::string both = "............";
  CHECK(ditune_interleave(gate.data(), up.data(), both.data(), 3, 2) == DITUNE_OK);
  CHECK(both == "aa11bb22cc33");
  const auto refused = [&](const void* from, void* to, std::int64_t rows, std::int64_t row_bytes) {
    CHECK(ditune_interleave(from, up.data(), to, rows, row_bytes) == DITUNE_INVALID_ARGUMENT);
    return std::string(ditune_last_error());
  };
  char* const to = both.data();
  CHECK(refused(nullptr, to, 3, 2) == "gate, up or both is null (pass its address)");
  CHECK(refused(gate.data(), nullptr, 3, 2) == "gate, up or both is null (pass its address)");
  CHECK(refused(to + 11, to, 3, 2) == "both overlaps gate or up (give it memory of its own)");
  for (const std::int64_t wrong : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    CAPTURE(wrong);
    CHECK(refused(gate.data(), to, wrong, 2) ==
          "rows and row_bytes are " + std::to_string(wrong) + " and 2 (give the size of gate and of up)");
    CHECK(refused(gate.data(), to, 3, wrong) ==
          "rows and row_bytes are 3 and " + std::to_string(wrong) + " (give the size of gate and of up)");
  }
  CHECK(both == "aa11bb22cc33");
}

TEST_CASE("c: what is out of range, misaligned or overlaps is told, and nothing is launched") {
  const Opened opened;
  ditune_kernel kernel{};
  const auto refused = [&](auto change) {
    ditune_problem its = problem();
    change(its);
    return ditune_prepare(opened.runtime, 0, &its, &kernel) == DITUNE_INVALID_ARGUMENT;
  };
  CHECK(refused([](ditune_problem& p) { p.m = 0; }));
  CHECK(refused([](ditune_problem& p) { p.k = 131072; }));
  CHECK(says("131072"));
  CHECK(refused([](ditune_problem& p) { p.sx = 2; }));
  CHECK(refused([](ditune_problem& p) { p.sw = -1; }));
  CHECK(refused([](ditune_problem& p) { p.bias = 4; }));
  CHECK(refused([](ditune_problem& p) { p.op = 6; }));
  CHECK(refused([](ditune_problem& p) { p.out = 4; }));
  CHECK(refused([](ditune_problem& p) { p.out = DITUNE_OUT_S32, p.bias = DITUNE_BIAS_F32; }));
  const ditune_problem its = problem();
  CHECK(ditune_prepare(opened.runtime, 7, &its, &kernel) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("no GPU 7"));

  kernel = opened.prepare();
  const auto wrong = [&](auto change) {
    ditune_args launched = args();
    change(launched);
    return ditune_launch(kernel, &launched, nullptr) == DITUNE_INVALID_ARGUMENT;
  };
  CHECK(wrong([](ditune_args& a) { a.x = nullptr; }));
  CHECK(wrong([](ditune_args& a) { a.y = address<char>(3) + 8; }));
  CHECK(wrong([](ditune_args& a) { a.bias = address<void>(6); }));
  CHECK(wrong([](ditune_args& a) { a.ldy = 4607; }));
  CHECK(wrong([](ditune_args& a) { a.y = const_cast<void*>(a.x); }));
  CHECK(says("y and x overlap"));
  CHECK(driver()->launches.empty());
}

TEST_CASE("c: while a stream is captured what is not prepared is not launched") {
  const Opened opened;
  const ditune_problem its = problem();
  const ditune_args launched = args();
  driver()->capturing = true;
  CHECK(ditune_run(opened.runtime, 0, &its, &launched, nullptr) == DITUNE_NOT_PREPARED);
  driver()->capturing = false;
  static_cast<void>(opened.prepare());
  driver()->capturing = true;
  CHECK(ditune_run(opened.runtime, 0, &its, &launched, nullptr) == DITUNE_OK);
}

TEST_CASE("c: without a GPU preparing and running have a status of their own, which says what to do") {
  const Opened opened;
  driver()->devices = 0;
  const ditune_problem its = problem();
  const ditune_args launched = args();
  for (const std::int32_t device : {0, 7, -1}) {
    CAPTURE(device);
    ditune_kernel kernel{1, 1};
    CHECK(ditune_prepare(opened.runtime, device, &its, &kernel) == DITUNE_NO_DEVICE);
    CHECK(says("no GPU is visible (install an NVIDIA driver"));
    CHECK((kernel.runtime == 0 && kernel.id == 0));
    CHECK(ditune_run(opened.runtime, device, &its, &launched, nullptr) == DITUNE_NO_DEVICE);
    CHECK(says("no GPU is visible (install an NVIDIA driver"));
  }
  CHECK(driver()->launches.empty());
}

TEST_CASE("c: an ordinal that is not there is told, also while a stream is captured") {
  const Opened opened;
  const ditune_problem its = problem();
  const ditune_args launched = args();
  driver()->capturing = true;
  CHECK(ditune_run(opened.runtime, 7, &its, &launched, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("there is no GPU 7, visible: 2"));
}

TEST_CASE("c: an error is valid UTF-8, whatever it quotes") {
  const Opened opened;
  const std::string absent = (opened.folder / "caf\xe9 caf\xc3\xa9.db").string();
  ditune_open_options options = opened.options;
  const char* name = absent.c_str();
  options.databases = &name;
  ditune_runtime runtime = 0;
  CHECK(ditune_open(&options, &runtime) == DITUNE_DATABASE_ERROR);
  CHECK(says("caf  caf\xc3\xa9.db"));
}

TEST_CASE("c: a database that is not there, or is none, is told") {
  const Opened opened;
  const std::string absent = (opened.folder / "absent.db").string();
  ditune_open_options options = opened.options;
  const char* name = absent.c_str();
  options.databases = &name;
  ditune_runtime runtime = 0;
  CHECK(ditune_open(&options, &runtime) == DITUNE_DATABASE_ERROR);
  CHECK(says("absent.db"));
  write_file(opened.folder / "absent.db", "no database");
  CHECK(ditune_open(&options, &runtime) == DITUNE_DATABASE_ERROR);
  CHECK(runtime == 0);
}

TEST_CASE("c: NVRTC is taken from the file that the options name") {
  Opened opened;
  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  opened.options.database_count = 0;
  opened.options.nvrtc = "/nowhere/libnvrtc.so";
  REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
  ditune_kernel_info info{};
  info.size = sizeof info;
  REQUIRE(ditune_query(opened.prepare(), &info) == DITUNE_OK);
  CHECK(info.match == DITUNE_MATCH_DEFAULT);
  CHECK_THAT(info.note, Catch::Contains("NVRTC is not there: tried /nowhere/libnvrtc.so: "));

  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  opened.options.size = offsetof(ditune_open_options, nvrtc);  // a program that knows nothing of it
  REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
  REQUIRE(ditune_query(opened.prepare(), &info) == DITUNE_OK);
  CHECK(info.match == DITUNE_MATCH_MODEL);
}

TEST_CASE("c: a runtime that never compiles serves a miss by what is built in, and stored winners as ever") {
  Opened opened;
  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  std::int32_t told = -1;
  opened.options.user = &told;
  opened.options.on_miss = [](const ditune_problem*, std::int32_t match, const char*, void* user) {
    *static_cast<std::int32_t*>(user) = match;
  };
  opened.options.compile = DITUNE_COMPILE_NEVER;
  REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
  ditune_kernel_info info{};
  info.size = sizeof info;
  const auto match = [&](const ditune_problem& its) {
    ditune_kernel kernel{};
    REQUIRE(ditune_prepare(opened.runtime, 0, &its, &kernel) == DITUNE_OK);
    REQUIRE(ditune_query(kernel, &info) == DITUNE_OK);
    return info.match;
  };
  CHECK(match(problem()) == DITUNE_MATCH_EXACT);
  CHECK(match(problem(100)) == DITUNE_MATCH_NEAREST_M);
  ditune_problem missed = problem(33);
  missed.n = 64;
  CHECK(match(missed) == DITUNE_MATCH_DEFAULT);
  CHECK_THAT(info.note, Catch::StartsWith("this runtime compiles no kernels (tune on this device"));
  CHECK(told == DITUNE_MATCH_DEFAULT);

  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  opened.options.size = offsetof(ditune_open_options, compile);  // a program that knows nothing of it
  REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
  CHECK(match(missed) == DITUNE_MATCH_MODEL);
  CHECK(told == DITUNE_MATCH_MODEL);

  opened.options.size = sizeof opened.options;
  opened.options.compile = 2;
  ditune_runtime runtime = 0;
  CHECK(ditune_open(&opened.options, &runtime) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("compile is 2 (use one of the header's words)"));
}

TEST_CASE("c: rows that are skipped are counted, and their problems are misses") {
  Opened opened;
  std::int64_t rows = -1;
  CHECK(ditune_skipped_rows(opened.runtime, &rows) == DITUNE_OK);
  CHECK(rows == 0);
  CHECK(ditune_skipped_rows(opened.runtime, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(ditune_skipped_rows(opened.runtime + 256, &rows) == DITUNE_INVALID_HANDLE);
  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  Database(opened.file, Database::Mode::read_write).execute("UPDATE winners SET registers = -1");
  int misses = 0;
  opened.options.on_miss = [](const ditune_problem*, std::int32_t, const char*, void* user) {
    ++*static_cast<int*>(user);
  };
  opened.options.user = &misses;
  REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
  CHECK(ditune_skipped_rows(opened.runtime, &rows) == DITUNE_OK);
  CHECK(rows == 2);
  opened.prepare();
  CHECK(misses == 1);
}

TEST_CASE("c: a miss is told with the command that tunes it") {
  Opened opened;
  struct Told {
    int count = 0;
    std::string command;
    std::int64_t m = 0;
    std::int32_t match = -1;
  } told;
  opened.options.user = &told;
  opened.options.on_miss = [](const ditune_problem* missed, std::int32_t match, const char* command, void* user) {
    auto& its = *static_cast<Told*>(user);
    ++its.count;
    its.command = command;
    its.m = missed->m;
    its.match = match;
  };
  ditune_runtime runtime = 0;
  REQUIRE(ditune_open(&opened.options, &runtime) == DITUNE_OK);
  ditune_problem its = problem(33);
  its.n = 64;
  its.k = 96;
  its.bias = DITUNE_BIAS_BF16;
  ditune_kernel kernel{};
  CHECK(ditune_prepare(runtime, 0, &its, &kernel) == DITUNE_OK);
  CHECK(ditune_prepare(runtime, 1, &its, &kernel) == DITUNE_OK);  // a card of the same class
  CHECK(told.count == 1);
  CHECK(told.command == "ditune tune --shape 33x64x96 --epilogue bias=bf16");
  CHECK(told.m == 33);
  CHECK(told.match == DITUNE_MATCH_MODEL);
  CHECK(ditune_close(runtime) == DITUNE_OK);
}

TEST_CASE("c: what a callback throws does not cross the border, and is one line") {
  Opened opened;
  const char* text = "an error\nof two lines";
  opened.options.user = &text;
  opened.options.on_miss = [](const ditune_problem*, std::int32_t, const char*, void* user) {
    throw std::runtime_error(*static_cast<const char**>(user));
  };
  ditune_runtime runtime = 0;
  REQUIRE(ditune_open(&opened.options, &runtime) == DITUNE_OK);
  ditune_problem its = problem(33);
  its.n = 64;
  ditune_kernel kernel{};
  CHECK(ditune_prepare(runtime, 0, &its, &kernel) == DITUNE_INTERNAL);
  CHECK(std::string(ditune_last_error()) == "an error of two lines");
  text = "";
  its.n = 128;
  CHECK(ditune_prepare(runtime, 0, &its, &kernel) == DITUNE_INTERNAL);
  CHECK(std::string(ditune_last_error()) == "an error that does not say what it is");
  CHECK(ditune_close(runtime) == DITUNE_OK);
}

TEST_CASE("c: one runtime more than there may be is told, and there is a place again once one is closed") {
  std::vector<ditune_runtime> all;
  ditune_status status = DITUNE_OK;
  while (status == DITUNE_OK && all.size() <= 256) status = ditune_open(nullptr, &all.emplace_back());
  CHECK(status == DITUNE_INVALID_ARGUMENT);
  CHECK(says("256 open runtimes"));
  CHECK(all.size() == 257);
  CHECK(all.back() == 0);
  all.pop_back();
  CHECK(ditune_close(all.back()) == DITUNE_OK);
  CHECK(ditune_open(nullptr, &all.back()) == DITUNE_OK);
  for (const ditune_runtime runtime : all) CHECK(ditune_close(runtime) == DITUNE_OK);
}

TEST_CASE("c: errors are of the thread that made them") {
  CHECK(ditune_close(0) == DITUNE_INVALID_HANDLE);
  std::string other = "not asked";
  std::thread([&] { other = ditune_last_error(); }).join();
  CHECK(other.empty());
  CHECK(says("not open"));
}

TEST_CASE("c: eight threads open, prepare, launch and close") {
  const Opened opened;
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      const ditune_args launched = args();
      const ditune_problem its = problem();
      const ditune_device card = device("RTX 3090");
      for (int i = 0; i < 50; ++i) {
        ditune_runtime own = 0;
        ditune_kernel kernel{};
        failed += ditune_open(&opened.options, &own) != DITUNE_OK;
        failed += ditune_prepare(own, i % 2, &its, &kernel) != DITUNE_OK;
        ditune_kernel_info info{};
        info.size = sizeof info;
        failed += ditune_lookup(opened.runtime, &card, &its, &info) != DITUNE_OK || info.match != DITUNE_MATCH_EXACT;
        failed += ditune_launch(kernel, &launched, nullptr) != DITUNE_OK;
        failed += ditune_run(opened.runtime, 0, &its, &launched, nullptr) != DITUNE_OK;
        failed += ditune_close(own) != DITUNE_OK;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(driver()->launches.size() == 2 * 8 * 50);
}
