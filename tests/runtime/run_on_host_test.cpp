// SPDX-License-Identifier: Apache-2.0
#include "ditune/run_on_host.hpp"

#include "catch.hpp"
#include "error_of.hpp"
#include "runtime/gemm_s8/plain_gemm.hpp"
#include "runtime/host_case.hpp"
#include "runtime/quantize_s8/plain_quantize.hpp"
#include "runtime/random_operation.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

Outputs plain(const HostCase<Gemm>& its) { return {plain_gemm(its.args, its.operation().epilogue)}; }
Outputs plain(const HostCase<Quantize>& its) { return plain_quantize(its.args, its.operation().prologue); }

void run(const HostCase<Gemm>& its, int threads) { run_on_host(its.args, its.operation().epilogue, threads); }
void run(const HostCase<Quantize>& its, int threads) { run_on_host(its.args, its.operation().prologue, threads); }

template <class Op>
void check_exact(const Op& op, unsigned seed) {
  INFO(format(Operation(op)));
  for (const int threads : {0, 1, 2, 3, 17}) {
    const HostCase<Op> its(op, seed);
    run(its, threads);
    CHECK(its.outputs() == plain(its));
    CHECK(its.has_kept_gaps());
  }
}

}  // namespace

TEST_CASE("gemm_s8 on the host gives the plain loop's bits, whatever the epilogue, the sizes and the threads") {
  std::mt19937 engine(1);
  for (unsigned seed = 0; seed < 60; ++seed) {
    const std::int64_t n = 1 + up_to(engine, 140);
    const Gemm gemm{.m = up_to(engine, 70), .n = n, .k = up_to(engine, 200), .epilogue = {}};
    Gemm whole = gemm;
    whole.epilogue = random_epilogue(engine, n);
    check_exact(whole, seed);
  }
}

TEST_CASE("gemm_s8 on the host: one row, one column, one k, and the longest k") {
  for (const Gemm& gemm :
       {Gemm{.m = 1, .n = 1843, .k = 100}, Gemm{.m = 333, .n = 1, .k = 17}, Gemm{.m = 1, .n = 1, .k = 1},
        Gemm{.m = 5, .n = 6, .k = kMaxK, .epilogue = {.out = Output::s32}}})
    check_exact(gemm, 1);
}

TEST_CASE("gemm_s8 on the host: the largest sums are exact") {
  for (const signed char x : {-128, 127}) {
    HostCase<Gemm> its(Gemm{.m = 5, .n = 5, .k = kMaxK, .epilogue = {.out = Output::s32}});
    for (const void* const data : {its.args.x, its.args.w})
      std::memset(const_cast<void*>(data), data == its.args.x ? x : -128,
                  5 * static_cast<std::size_t>(its.args.ldx) - 3);
    run(its, 1);
    std::int32_t sum = 0;
    std::memcpy(&sum, its.args.y, sizeof sum);
    CHECK(sum == -128 * x * static_cast<std::int32_t>(kMaxK));
    CHECK(its.outputs() == plain(its));
  }
}

TEST_CASE("quantize_s8 on the host gives the plain loop's bits, whatever the prologue, the sizes and the threads") {
  std::mt19937 engine(2);
  for (unsigned seed = 0; seed < 60; ++seed) {
    const std::int64_t k = engine() % 2 == 0 ? 16 * (up_to(engine, 20)) : 1 + up_to(engine, 300);
    check_exact(Quantize{.m = up_to(engine, 40), .k = k, .prologue = random_prologue(engine, k)}, seed);
  }
}

TEST_CASE("what may lie in place does: a residual that is y, h that is x, and q that is x") {
  for (const int threads : {1, 3}) {
    HostCase<Gemm> gemm(Gemm{.m = 70, .n = 130, .k = 40, .epilogue = {.residual = Residual::bf16}});
    const Outputs y = plain(gemm);
    std::memcpy(gemm.args.y, gemm.args.r, static_cast<std::size_t>(2 * (69 * gemm.args.ldr + 130)));
    gemm.args.r = gemm.args.y;
    run(gemm, threads);
    CHECK(gemm.outputs() == y);

    HostCase<Quantize> quantize(
        Quantize{.m = 40, .k = 300, .prologue = {.residual = Branch::gate_rms, .norm = Norm::layer}});
    const Outputs h = plain(quantize);
    std::memcpy(quantize.args.h, quantize.args.x, static_cast<std::size_t>(2 * (39 * quantize.args.ldx + 300)));
    quantize.args.x = quantize.args.h;
    run(quantize, threads);
    CHECK(quantize.outputs() == h);

    HostCase<Quantize> rotated(
        Quantize{.m = 40, .k = 256, .prologue = {.norm = Norm::rms, .rotate = 256, .out = QuantizedType::f16}});
    const Outputs q = plain(rotated);
    std::memcpy(rotated.args.q, rotated.args.x, static_cast<std::size_t>(2 * (39 * rotated.args.ldx + 256)));
    rotated.args.x = rotated.args.q;
    run(rotated, threads);
    CHECK(rotated.outputs() == q);
  }
}

TEST_CASE("what the host refuses is one line, and then nothing was written") {
  const Gemm gemm{.m = 8, .n = 8, .k = 32, .epilogue = {.residual = Residual::f32, .gate = Gate::index}};
  const auto refused = [&](const auto& change, const std::string& what) {
    HostCase<Gemm> its(gemm);
    change(its.args);
    INFO(what);
    CHECK(error_of([&] { run(its, 2); }) == what);
    CHECK(its.is_untouched());
  };
  using Args = FusedGemmArgs;
  refused([](Args& a) { a.x = nullptr; }, "x is null (pass host memory)");
  refused([](Args& a) { a.bias = a.sx; }, "bias is given, but the epilogue does not take it (pass null)");
  refused([](Args& a) { a.sx = reinterpret_cast<const float*>(reinterpret_cast<const char*>(a.sx) + 2); },
          "sx is misaligned (align it to 4 bytes)");
  refused([](Args& a) { a.ldx = 31; }, "ldx = 31 is out of range (a row has 32 elements, a stride at most 2147483647)");
  refused([](Args& a) { a.gates = 0; }, "gates = 0 is out of range (give the rows of g)");
  refused([](Args& a) { a.m = 0; }, "M = 0 is out of range (give 1 to 2147483647: a row index fits 32 bits)");
  refused([](Args& a) { a.w = static_cast<const signed char*>(a.y); }, "y and w overlap (give each memory of its own)");
  refused([](Args& a) { const_cast<int*>(a.gate_index)[5] = 3; },
          "gate_index[5] = 3 is out of range (give rows of the table, 0 to 2)");
  refused([](Args& a) { const_cast<int*>(a.gate_index)[0] = -1; },
          "gate_index[0] = -1 is out of range (give rows of the table, 0 to 2)");
  HostCase<Gemm> its(gemm);
  CHECK(error_of([&] { run(its, -1); }) ==
        "threads = -1 is out of range (give 1 to 1024, or 0 for as many as the machine has)");
  CHECK(error_of([&] { run(its, 1025); }).starts_with("threads = 1025 is out of range"));
  HostCase<Quantize> rows(Quantize{.m = 3, .k = 16, .prologue = {.norm = Norm::rms}});
  rows.args.eps = 1;
  CHECK(error_of([&] { run(rows, 0); }).starts_with("eps = 1 is out of range"));
  CHECK(rows.is_untouched());
}

TEST_CASE("the host needs no workspace, and does not look at one") {
  HostCase<Gemm> its(Gemm{.m = 4, .n = 4, .k = 4});
  its.args.workspace = reinterpret_cast<void*>(1);
  run(its, 1);
  CHECK(its.outputs() == plain(its));
}
