// SPDX-License-Identifier: Apache-2.0
// Structs of the C ABI: null, misaligned, of an older header, and with values that are refused.
#include <ditune/ditune.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "c_api/gemm_calls.hpp"
#include "catch.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Bytes of structs in the first version of the header.
constexpr std::size_t kFirstProblem = offsetof(ditune_problem, from), kFirstArgs = offsetof(ditune_args, r);

}  // namespace

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
