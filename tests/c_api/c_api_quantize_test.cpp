// SPDX-License-Identifier: Apache-2.0
// The functions of the C ABI for the kind quantize_s8, with a driver that has no GPU.
#include <ditune/ditune.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "c_api/machine.hpp"
#include "catch.hpp"
#include "db/fixtures.hpp"
#include "db/store.hpp"
#include "generator/emit.hpp"
#include "quantize_args.cuh"

using namespace ditune;
using namespace ditune::test;

namespace {

// x + g * rms(y) * w1, then an rms norm and a modulation, of four images.
ditune_quantize_problem problem(std::int64_t m = 4096) {
  ditune_quantize_problem its{};
  its.size = sizeof its;
  its.m = m;
  its.k = 4608;
  its.residual = DITUNE_QUANTIZE_RESIDUAL_GATE_RMS;
  its.norm = DITUNE_QUANTIZE_NORM_RMS;
  its.modulate = DITUNE_QUANTIZE_MODULATE_SCALE1_SHIFT;
  its.table = DITUNE_QUANTIZE_TABLE_IMAGE;
  return its;
}

ditune_quantize_args args() {
  ditune_quantize_args its{};
  its.size = sizeof its;
  its.x = address(1);
  its.y = address(2);
  its.h = address(1);  // in place
  its.g = address(3), its.s = address(4), its.t = address(5);
  its.w1 = address(6);
  its.q = address(7), its.scale = address(8);
  its.ldx = its.ldy = its.ldh = its.ldt = its.ldq = 4608;
  its.tables = 4, its.rows_per_image = 1024;
  its.eps = 1e-6;
  return its;
}

const Quantize kQuantize{.m = 4096,
                         .k = 4608,
                         .prologue = {.residual = Branch::gate_rms,
                                      .norm = Norm::rms,
                                      .modulate = Modulation::scale1_shift,
                                      .table = ModulationTable::image}};
const std::string kConfig = "registers_s8:threads=128,octets=5";

// A runtime of a database with the winners of a quantize and of a GEMM.
struct Opened : OpenedRuntime {
  Opened()
      : OpenedRuntime({machine_winner(kQuantize, parse_config(kConfig)), machine_winner(Gemm{4096, 4608, 4608})}) {}

  ditune_kernel prepare() const {
    const ditune_quantize_problem its = problem();
    ditune_kernel kernel{};
    REQUIRE(ditune_prepare_quantize(runtime, 0, &its, &kernel) == DITUNE_OK);
    return kernel;
  }

  ditune_kernel prepare_gemm() const {
    ditune_problem its{};
    its.size = sizeof its;
    its.m = 4096, its.n = its.k = 4608;
    ditune_kernel kernel{};
    REQUIRE(ditune_prepare(runtime, 0, &its, &kernel) == DITUNE_OK);
    return kernel;
  }
};

QuantizeArgs launched(std::size_t i) {
  QuantizeArgs its{};
  REQUIRE(i < driver()->launches.size());
  const KernelParameter& parameter = driver()->launches[i].parameter;
  REQUIRE(parameter.size == sizeof its);
  std::memcpy(&its, parameter.bytes.data(), sizeof its);
  return its;
}

}  // namespace

TEST_CASE("c: structs of quantize_s8 may end where those of the first version did, which knew no heads") {
  CHECK(offsetof(ditune_quantize_problem, head) == 80);
  CHECK(offsetof(ditune_quantize_args, r) == 192);
  char text[100];
  ditune_quantize_problem its{};
  its.size = offsetof(ditune_quantize_problem, head);
  its.m = 3, its.k = 64;
  its.head = 7;  // not looked at
  REQUIRE(ditune_format_quantize(&its, text, sizeof text) == DITUNE_OK);
  CHECK(std::string(text) == "quantize_s8:m=3,k=64");
  const std::vector<unsigned short> x(3 * 64);
  std::vector<signed char> q(3 * 64);
  std::vector<float> scale(3);
  ditune_quantize_args given{};
  given.size = offsetof(ditune_quantize_args, r);
  given.x = x.data(), given.q = q.data(), given.scale = scale.data(), given.ldx = given.ldq = 64;
  CHECK(ditune_run_quantize_on_host(&its, &given, 1) == DITUNE_OK);
  --given.size;
  CHECK(ditune_run_quantize_on_host(&its, &given, 1) == DITUNE_INVALID_ARGUMENT);
  --its.size;
  CHECK(ditune_format_quantize(&its, text, sizeof text) == DITUNE_INVALID_ARGUMENT);
}

TEST_CASE("c: a stored winner of quantize_s8 is prepared, described and launched") {
  const Opened opened;
  const ditune_kernel kernel = opened.prepare();
  ditune_kernel_info info{};
  info.size = sizeof info;
  REQUIRE(ditune_query(kernel, &info) == DITUNE_OK);
  CHECK(info.match == DITUNE_MATCH_EXACT);
  CHECK(info.workspace_bytes == 0);
  CHECK(info.config == kConfig);
  const ditune_quantize_args its = args();
  int stream = 0;
  REQUIRE(ditune_launch_quantize(kernel, &its, &stream) == DITUNE_OK);
  const ditune_quantize_problem asked = problem();
  REQUIRE(ditune_run_quantize(opened.runtime, 0, &asked, &its, nullptr) == DITUNE_OK);
  REQUIRE(driver()->launches.size() == 2);
  CHECK(driver()->launches[0].stream == reinterpret_cast<CUstream_st*>(&stream));
  CHECK(driver()->launches[0].plan.grid == 4096);
  for (const std::size_t i : {0, 1}) {
    const QuantizeArgs args = launched(i);
    CHECK((args.m == 4096 && args.k == 4608 && args.tables == 4 && args.rows_per_image == 1024));
    CHECK((args.x == its.x && args.h == its.h && args.w1 == its.w1 && args.t == its.t && args.q == its.q));
    CHECK((args.scale == its.scale && args.ldt == 4608 && args.eps == 1e-6F && !args.x2 && !args.c));
  }
}

TEST_CASE("c: a lookup of quantize_s8 needs no GPU, and takes the winner of another M") {
  const Opened opened;
  driver()->devices = 0;
  ditune_device card{};
  card.size = sizeof card;
  card.name = "RTX 3090";
  ditune_kernel_info info{};
  info.size = sizeof info;
  const ditune_quantize_problem near = problem(4000);
  REQUIRE(ditune_lookup_quantize(opened.runtime, &card, &near, &info) == DITUNE_OK);
  CHECK(info.match == DITUNE_MATCH_NEAREST_M);
  CHECK(info.config == kConfig);
}

TEST_CASE("c: a kernel of one kind is not launched with the arguments of the other") {
  const Opened opened;
  const ditune_quantize_args its = args();
  CHECK(ditune_launch_quantize(opened.prepare_gemm(), &its, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("the kernel was prepared for gemm_s8 (launch it with the function of its kind)"));
  ditune_args gemm{};
  gemm.size = sizeof gemm;
  CHECK(ditune_launch(opened.prepare(), &gemm, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("the kernel was prepared for quantize_s8 (launch it with the function of its kind)"));
  CHECK(driver()->launches.empty());
}

TEST_CASE("c: a prologue that makes no sense is refused, one line each") {
  const Opened opened;
  const auto refused = [&](auto change) {
    ditune_quantize_problem its = problem();
    change(its);
    ditune_kernel kernel{1, 1};
    CHECK(ditune_prepare_quantize(opened.runtime, 0, &its, &kernel) == DITUNE_INVALID_ARGUMENT);
    CHECK(kernel.id == 0);
    return std::string(ditune_last_error());
  };
  using P = ditune_quantize_problem;
  CHECK(refused([](P& p) { p.norm = 4; }) == "norm is 4 (use one of the header's words)");
  CHECK(refused([](P& p) { p.act = -1; }) == "act is -1 (use one of the header's words)");
  CHECK(refused([](P& p) { p.out = 3; }) == "out is 3 (use one of the header's words)");
  for (const std::int32_t group : {-16, 2, 32, 512}) {
    CAPTURE(group);
    CHECK(refused([&](P& p) { p.rotate = group; }) ==
          "rotate = " + std::to_string(group) + " is no Hadamard group (give 16, 64 or 256, or 1 for none)");
  }
  CHECK(refused([](P& p) { p.k = 4624, p.rotate = 64; }).starts_with("K = 4624 is no multiple of rotate=64"));
  CHECK(refused([](P& p) { p.act = DITUNE_QUANTIZE_ACT_SWIGLU; }).starts_with("a residual with swiglu"));
  CHECK(refused([](P& p) {
          p.norm = DITUNE_QUANTIZE_NORM_NONE, p.weight = DITUNE_QUANTIZE_WEIGHT_PLAIN;
        }).starts_with("a weight or a bias without a norm"));
  CHECK(refused([](P& p) { p.m = 0; }).starts_with("M = 0 is out of range"));
  CHECK(refused([](P& p) { p.size = 16; }).starts_with("problem->size is 16"));
  ditune_quantize_problem split{};
  split.size = sizeof split;
  split.m = 8, split.k = 64, split.split = -1;
  ditune_kernel kernel{};
  CHECK(ditune_prepare_quantize(opened.runtime, 0, &split, &kernel) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("split = -1 is below 0"));
  CHECK(ditune_prepare_quantize(opened.runtime, 0, nullptr, &kernel) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("problem is null"));
}

TEST_CASE("c: arguments of quantize_s8 that are wrong are refused, one line each, and nothing is launched") {
  const Opened opened;
  const ditune_kernel kernel = opened.prepare();
  const auto refused = [&](auto change) {
    ditune_quantize_args its = args();
    change(its);
    CHECK(ditune_launch_quantize(kernel, &its, nullptr) == DITUNE_INVALID_ARGUMENT);
    return std::string(ditune_last_error());
  };
  using A = ditune_quantize_args;
  CHECK(refused([](A& a) { a.x = nullptr; }) == "x is null (pass device memory)");
  CHECK(refused([](A& a) { a.y = nullptr; }) == "y is null (pass device memory)");
  CHECK(refused([](A& a) { a.c = address(9); }) == "c is given, but the prologue does not take it (pass null)");
  CHECK(refused([](A& a) { a.s = address<char>(4) + 8; }) == "s is misaligned (align it to 16 bytes)");
  CHECK(refused([](A& a) { a.h = address<char>(1) + 16; }) == "h and x overlap (give each memory of its own)");
  CHECK(refused([](A& a) { a.q = a.h; }).find(" overlap (give each memory of its own)") != std::string::npos);
  CHECK(refused([](A& a) { a.ldt = 4607; }).starts_with("ldt = 4607 is out of range"));
  CHECK(refused([](A& a) { a.tables = 3; }) ==
        "3 tables for 1024 rows each are too few for 4096 rows (give one for each image)");
  CHECK(refused([](A& a) { a.eps = -1; }).starts_with("eps = -1 is out of range"));
  CHECK(refused([](A& a) { a.size = 8; }).starts_with("args->size is 8"));
  CHECK(driver()->launches.empty());
}

TEST_CASE("c: a miss of quantize_s8 is told to its own callback, with the command that tunes it") {
  Opened opened;
  struct Told {
    int gemms = 0, count = 0;
    std::string command;
    ditune_quantize_problem problem{};
  } told;
  opened.options.user = &told;
  opened.options.on_miss = [](const ditune_problem*, std::int32_t, const char*, void* user) {
    ++static_cast<Told*>(user)->gemms;
  };
  opened.options.on_quantize_miss = [](const ditune_quantize_problem* missed, std::int32_t, const char* command,
                                       void* user) {
    auto& its = *static_cast<Told*>(user);
    ++its.count;
    its.command = command;
    its.problem = *missed;
  };
  ditune_device card{};
  card.size = sizeof card;
  card.name = "RTX 3090";
  ditune_quantize_problem asked{};
  asked.size = sizeof asked;
  asked.m = 33, asked.k = 512;
  asked.x = DITUNE_QUANTIZE_X_F16, asked.weight = DITUNE_QUANTIZE_WEIGHT_PLUS_ONE;
  asked.norm = DITUNE_QUANTIZE_NORM_LAYER, asked.rotate = 256, asked.smooth = DITUNE_QUANTIZE_SMOOTH_ON;
  ditune_kernel_info info{};
  info.size = sizeof info;
  const auto look_up = [&] {
    ditune_runtime runtime = 0;
    REQUIRE(ditune_open(&opened.options, &runtime) == DITUNE_OK);
    CHECK(ditune_lookup_quantize(runtime, &card, &asked, &info) == DITUNE_OK);
    CHECK(info.match == DITUNE_MATCH_MODEL);
    CHECK(ditune_close(runtime) == DITUNE_OK);
  };
  look_up();
  CHECK((told.count == 1 && told.gemms == 0));
  CHECK(told.command ==
        "ditune tune --operation quantize_s8:m=33,k=512,x=f16,norm=layer,weight=plus_one,smooth=on,rotate=256"
        " --gpu 'NVIDIA GeForce RTX 3090' --db " +
            opened.file);
  CHECK(std::memcmp(&told.problem, &asked, sizeof asked) == 0);
  // A caller of the first version has no such callback.
  opened.options.size = offsetof(ditune_open_options, on_quantize_miss);
  look_up();
  CHECK((told.count == 1 && told.gemms == 0));
}

TEST_CASE("c: a runtime that never compiles has no kernel for a miss of quantize_s8, and says so") {
  Opened opened;
  REQUIRE(ditune_close(opened.runtime) == DITUNE_OK);
  std::int32_t told = -1;
  opened.options.user = &told;
  opened.options.on_quantize_miss = [](const ditune_quantize_problem*, std::int32_t match, const char*, void* user) {
    *static_cast<std::int32_t*>(user) = match;
  };
  opened.options.compile = DITUNE_COMPILE_NEVER;
  REQUIRE(ditune_open(&opened.options, &opened.runtime) == DITUNE_OK);
  opened.prepare();
  ditune_quantize_problem missed = problem();
  missed.k = 512;
  ditune_kernel kernel{};
  CHECK(ditune_prepare_quantize(opened.runtime, 0, &missed, &kernel) == DITUNE_NO_KERNEL);
  CHECK(says("this runtime compiles no kernels"));
  CHECK(says("none of quantize_s8 is built in (tune it on"));
  CHECK(told == DITUNE_MATCH_NONE);
  ditune_device card{};
  card.size = sizeof card;
  card.name = "RTX 3090";
  ditune_kernel_info info{};
  info.size = sizeof info;
  CHECK(ditune_lookup_quantize(opened.runtime, &card, &missed, &info) == DITUNE_OK);
  CHECK(info.match == DITUNE_MATCH_NONE);
  CHECK(std::string(info.config).empty());
}

TEST_CASE("c: while a stream is captured a quantize that is not prepared is not launched") {
  const Opened opened;
  const ditune_quantize_problem its = problem();
  const ditune_quantize_args launched = args();
  driver()->capturing = true;
  CHECK(ditune_run_quantize(opened.runtime, 0, &its, &launched, nullptr) == DITUNE_NOT_PREPARED);
  CHECK(says("4096x4608 is not prepared"));
  CHECK(ditune_run_quantize(0, 0, &its, &launched, nullptr) == DITUNE_INVALID_HANDLE);
}
