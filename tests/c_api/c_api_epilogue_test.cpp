// SPDX-License-Identifier: Apache-2.0
// Epilogues of the C ABI: their words, residuals, gates, and weights of gate and up.
#include <ditune/ditune.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "c_api/gemm_calls.hpp"
#include "catch.hpp"

using namespace ditune;
using namespace ditune::test;

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
    const std::size_t at = command.find("k=64,") + 5;
    return command.substr(at, command.find(" --gpu ") - at);
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
