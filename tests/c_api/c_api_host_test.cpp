// SPDX-License-Identifier: Apache-2.0
// The functions of the C ABI that run on the host or say a problem's text: they need no runtime.
#include <ditune/ditune.h>

#include <cstring>
#include <string>
#include <vector>

#include "c_api/machine.hpp"
#include "catch.hpp"
#include "runtime/c_api_calls.hpp"
#include "runtime/gemm_s8/plain_gemm.hpp"
#include "runtime/host_case.hpp"
#include "runtime/quantize_s8/plain_quantize.hpp"
#include "runtime/random_operation.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

Outputs plain(const HostCase<Gemm>& its) { return {plain_gemm(its.args, its.operation().epilogue)}; }
Outputs plain(const HostCase<Quantize>& its) { return plain_quantize(its.args, its.operation().prologue); }

ditune_args arguments(const FusedGemmArgs& a) {
  ditune_args its{};
  its.size = sizeof its;
  its.x = a.x, its.w = a.w, its.y = a.y, its.sx = a.sx, its.sw = a.sw, its.bias = a.bias, its.workspace = a.workspace;
  its.ldx = a.ldx, its.ldw = a.ldw, its.ldy = a.ldy;
  its.r = a.r, its.g = a.g, its.gate_index = a.gate_index, its.ldr = a.ldr, its.ldg = a.ldg;
  its.gates = a.gates, its.rows_per_gate = a.rows_per_gate;
  return its;
}

ditune_quantize_args arguments(const QuantizeArgs& a) {
  ditune_quantize_args its{};
  its.size = sizeof its;
  its.x = a.x, its.x2 = a.x2, its.y = a.y, its.h = a.h, its.g = a.g, its.s = a.s, its.t = a.t, its.index = a.index;
  its.w1 = a.w1, its.w = a.w, its.b = a.b, its.c = a.c, its.q = a.q, its.scale = a.scale;
  its.ldx = a.ldx, its.ldx2 = a.ldx2, its.ldy = a.ldy, its.ldh = a.ldh, its.ldt = a.ldt, its.ldq = a.ldq;
  its.tables = a.tables, its.rows_per_image = a.rows_per_image, its.eps = static_cast<double>(a.eps);
  its.r = a.r, its.ldr = a.ldr, its.positions = a.positions;
  return its;
}

ditune_status run(const ditune_problem& problem, const ditune_args& args, int threads) {
  return ditune_run_on_host(&problem, &args, threads);
}
ditune_status run(const ditune_quantize_problem& problem, const ditune_quantize_args& args, int threads) {
  return ditune_run_quantize_on_host(&problem, &args, threads);
}
ditune_status format_problem(const ditune_problem& problem, char* text, std::size_t size) {
  return ditune_format(&problem, text, size);
}
ditune_status format_problem(const ditune_quantize_problem& problem, char* text, std::size_t size) {
  return ditune_format_quantize(&problem, text, size);
}

template <class Op>
void check_exact(const Op& op, unsigned seed) {
  INFO(format(Operation(op)));
  for (const int threads : {0, 1, 17}) {
    const HostCase<Op> its(op, seed);
    REQUIRE(run(c_api::words(op), arguments(its.args), threads) == DITUNE_OK);
    CHECK(its.outputs() == plain(its));
    CHECK(its.has_kept_gaps());
  }
  std::string text(256, '?');
  REQUIRE(format_problem(c_api::words(op), text.data(), text.size()) == DITUNE_OK);
  CHECK(text.c_str() == format(Operation(op)));
}

// A call that is refused says this, and writes nothing.
template <class Op, class Change>
void check_refused(const Op& op, const char* what, Change change, int threads = 1) {
  const HostCase<Op> its(op);
  auto problem = c_api::words(op);
  auto args = arguments(its.args);
  change(problem, args);
  INFO(what);
  CHECK(run(problem, args, threads) == DITUNE_INVALID_ARGUMENT);
  CHECK_THAT(ditune_last_error(), Catch::Contains(what));
  CHECK(std::string(ditune_last_error()).find('\n') == std::string::npos);
  CHECK(its.is_untouched());
}

template <class T>
T* moved(T* pointer, std::ptrdiff_t bytes) {
  return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(pointer) + static_cast<std::uintptr_t>(bytes));
}

}  // namespace

TEST_CASE("c: a GEMM on the host gives the plain loop's bits, and a problem has its text") {
  std::mt19937 engine(3);
  for (unsigned seed = 0; seed < 40; ++seed) {
    const std::int64_t m = seed % 8 == 0 ? 1 : up_to(engine, 40), n = 1 + up_to(engine, 90), k = up_to(engine, 100);
    check_exact(Gemm{.m = m, .n = n, .k = k, .epilogue = random_epilogue(engine, n)}, seed);
  }
}

TEST_CASE("c: rows are quantized on the host with the plain loop's bits, and a problem has its text") {
  std::mt19937 engine(4);
  for (unsigned seed = 0; seed < 40; ++seed) {
    const std::int64_t k = engine() % 2 == 0 ? 16 * (up_to(engine, 10)) : 1 + up_to(engine, 150);
    check_exact(Quantize{.m = up_to(engine, 20), .k = k, .prologue = random_prologue(engine, k)}, seed);
  }
}

TEST_CASE("c: a bad argument of a GEMM on the host is one line") {
  using P = ditune_problem;
  using A = ditune_args;
  const Gemm op{
      .m = 5, .n = 7, .k = 9, .epilogue = {.bias = Bias::bf16, .residual = Residual::f32, .gate = Gate::index}};
  const auto refused = [&](const char* what, auto change) { check_refused(op, what, change); };
  refused("problem->size is 3", [](P& p, A&) { p.size = 3; });
  refused("args->size is 3", [](P&, A& a) { a.size = 3; });
  refused("out is 4", [](P& p, A&) { p.out = 4; });
  refused("from is -1", [](P& p, A&) { p.from = -1; });
  refused("M = 0 is out of range", [](P& p, A&) { p.m = 0; });
  refused("K = 131072", [](P& p, A&) { p.k = 131072; });
  for (const auto member : {&A::x, &A::w, &A::sx, &A::sw, &A::bias, &A::r, &A::g})
    refused("is null (pass host memory)", [&](P&, A& a) { a.*member = nullptr; });
  refused("y is null (pass host memory)", [](P&, A& a) { a.y = nullptr; });
  refused("gate_index is null", [](P&, A& a) { a.gate_index = nullptr; });
  refused("sx is misaligned (align it to 4 bytes)", [](P&, A& a) { a.sx = moved(a.sx, 2); });
  refused("bias is misaligned (align it to 2 bytes)", [](P&, A& a) { a.bias = moved(a.bias, 1); });
  refused("gate_index is misaligned", [](P&, A& a) { a.gate_index = moved(a.gate_index, 1); });
  for (const auto member : {&A::ldx, &A::ldw, &A::ldy, &A::ldr, &A::ldg})
    refused("is out of range (a row has", [&](P&, A& a) { a.*member = 6; });
  refused("ldx = -9223372036854775808", [](P&, A& a) { a.ldx = INT64_MIN; });
  refused("gates = 0 is out of range", [](P&, A& a) { a.gates = 0; });
  refused("y and w overlap", [](P&, A& a) { a.w = a.y; });
  refused("y and r overlap", [](P&, A& a) { a.r = moved(a.y, 2); });
  refused("y would end behind the last address", [](P&, A& a) { a.y = moved<void>(nullptr, -16); });
  refused("gate_index[0] = 3 is out of range", [](P&, A& a) {
    static constexpr std::int32_t kIndices[] = {3, 0, 0, 0, 0};
    a.gate_index = kIndices;
  });
  check_refused(
      op, "threads = -1 is out of range", [](P&, A&) {}, -1);
  check_refused(
      op, "threads = 1025 is out of range", [](P&, A&) {}, 1025);
  ditune_problem problem = c_api::words(op);
  ditune_args args{};
  CHECK(ditune_run_on_host(nullptr, &args, 0) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("problem is null"));
  CHECK(ditune_run_on_host(&problem, nullptr, 0) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("args is null"));
}

TEST_CASE("c: a bad argument of what is quantized on the host is one line") {
  using P = ditune_quantize_problem;
  using A = ditune_quantize_args;
  const Quantize op{.m = 6,
                    .k = 32,
                    .prologue = {.residual = Branch::gate_rms,
                                 .norm = Norm::layer,
                                 .modulate = Modulation::scale1_shift,
                                 .table = ModulationTable::image,
                                 .smooth = Smoothing::on}};
  const auto refused = [&](const char* what, auto change) { check_refused(op, what, change); };
  refused("rotate", [](P& p, A&) { p.rotate = 3; });
  refused("act is 6", [](P& p, A&) { p.act = 6; });
  for (const auto member : {&A::x, &A::y, &A::g, &A::s, &A::t, &A::w1, &A::c})
    refused("is null (pass host memory)", [&](P&, A& a) { a.*member = nullptr; });
  for (const auto member : {&A::h, &A::q, &A::scale})
    refused("is null (pass host memory)", [&](P&, A& a) { a.*member = nullptr; });
  refused("x2 is given, but the prologue does not take it", [](P&, A& a) { a.x2 = a.x; });
  refused("scale is misaligned (align it to 4 bytes)", [](P&, A& a) { a.scale = moved(a.scale, 2); });
  for (const auto member : {&A::ldx, &A::ldy, &A::ldh, &A::ldt, &A::ldq})
    refused("is out of range (a row has", [&](P&, A& a) { a.*member = 31; });
  refused("tables = 0", [](P&, A& a) { a.tables = 0; });
  refused("rows_per_image = 0", [](P&, A& a) { a.rows_per_image = 0; });
  refused("are too few for 6 rows", [](P&, A& a) { a.rows_per_image = 2; });
  refused("eps = 1 is out of range", [](P&, A& a) { a.eps = 1; });
  refused("q and x overlap", [](P&, A& a) { a.q = const_cast<void*>(a.x); });
  refused("h and x overlap", [](P&, A& a) { a.h = moved(const_cast<void*>(a.x), 2); });
  check_refused(
      op, "threads = -7 is out of range", [](P&, A&) {}, -7);
}

TEST_CASE("c: a residual of the host may be y, and h may be x") {
  HostCase<Gemm> gemm(Gemm{.m = 9, .n = 70, .k = 40, .epilogue = {.residual = Residual::bf16}});
  const Outputs y = plain(gemm);
  std::memcpy(gemm.args.y, gemm.args.r, static_cast<std::size_t>(2 * (8 * gemm.args.ldr + 70)));
  gemm.args.r = gemm.args.y;
  REQUIRE(run(c_api::words(gemm.operation()), arguments(gemm.args), 3) == DITUNE_OK);
  CHECK(gemm.outputs() == y);
  HostCase<Quantize> rows(Quantize{.m = 9, .k = 50, .prologue = {.residual = Branch::add}});
  const Outputs h = plain(rows);
  std::memcpy(rows.args.h, rows.args.x, static_cast<std::size_t>(2 * (8 * rows.args.ldx + 50)));
  rows.args.x = rows.args.h;
  REQUIRE(run(c_api::words(rows.operation()), arguments(rows.args), 3) == DITUNE_OK);
  CHECK(rows.outputs() == h);
}

TEST_CASE("c: a text needs room for itself and its zero, and is left as it is where it has none") {
  ditune_problem problem = c_api::words(Gemm{.m = 6144, .n = 13824, .k = 4608});
  const std::string expected = "gemm_s8:m=6144,n=13824,k=4608";
  std::string text(expected.size() + 1, '?');
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, expected.size()}) {
    CHECK(ditune_format(&problem, text.data(), size) == DITUNE_INVALID_ARGUMENT);
    CHECK(says("text has " + std::to_string(size) + " bytes"));
    CHECK(text == std::string(expected.size() + 1, '?'));
  }
  REQUIRE(ditune_format(&problem, text.data(), expected.size() + 1) == DITUNE_OK);
  CHECK(text == expected + '\0');
  CHECK(ditune_format(&problem, nullptr, 100) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("text is null"));
  problem.op = 17;
  CHECK(ditune_format(&problem, text.data(), text.size()) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("op is 17"));
  CHECK(ditune_format_quantize(nullptr, text.data(), text.size()) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("problem is null"));
}

TEST_CASE("c: the longest texts have fewer than 256 characters") {
  std::string text(256, '?');
  const Gemm gemm{.m = kMaxExtent,
                  .n = kMaxExtent,
                  .k = kMaxK,
                  .epilogue = {.sx = ScaleX::tensor,
                               .sw = ScaleW::tensor,
                               .bias = Bias::bf16,
                               .op = EpilogueOp::gelu_tanh,
                               .from = static_cast<int>(kMaxExtent) - 1,
                               .residual = Residual::bf16,
                               .gate = Gate::channel,
                               .out = Output::f16}};
  CHECK(format_problem(c_api::words(gemm), text.data(), text.size()) == DITUNE_OK);
  const Quantize rows{.m = kMaxExtent,
                      .k = 130816,
                      .prologue = {.x = InputType::f16,
                                   .residual = Branch::gate_rms,
                                   .norm = Norm::layer,
                                   .weight = NormWeight::plus_one,
                                   .bias = NormBias::plain,
                                   .modulate = Modulation::scale1_shift,
                                   .table = ModulationTable::image,
                                   .act = Activation::gelu_tanh,
                                   .smooth = Smoothing::on,
                                   .rotate = 256,
                                   .parameters = ParameterType::f32,
                                   .scale = QuantizedScale::tensor}};
  CHECK(format_problem(c_api::words(rows), text.data(), text.size()) == DITUNE_OK);
}
