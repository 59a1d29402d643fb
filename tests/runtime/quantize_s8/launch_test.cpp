// SPDX-License-Identifier: Apache-2.0
// A runtime's launches of quantizes.
#include <cstdint>
#include <vector>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "error_of.hpp"
#include "generator/emit.hpp"
#include "generator/launch_plan.hpp"
#include "runtime/runtime_fixture.hpp"

using namespace ditune;
using namespace ditune::test;

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
  CHECK_THAT(error_of<NoKernelError>([&] { without.runtime->prepare(kRows, 0); }),
             Catch::Contains("none of quantize_s8 is built in (tune it on"));
}
