// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/quantize_s8/verification.hpp"

#include "catch.hpp"
#include "generator/launch_plan.hpp"
#include "quantize.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("what a config can run it can run in few rows, and a persistent CTA goes on to another row") {
  const Target whole{
      Quantize{.m = 6144, .k = 1024, .prologue = {.norm = Norm::rms, .weight = NormWeight::plain, .rotate = 256}},
      reference_device({90})};
  int persistent = 0;
  for (const KernelConfig& config : enumerate(whole)) {
    INFO(format(config));
    const Target small = emulated_target(whole, config);
    CHECK_FALSE(refusal(config, small));
    CHECK(quantize_of(small.operation).k == 1024);
    CHECK(rows(small.operation) <= 100);
    const auto* const its = std::get_if<RegistersS8Config>(&config);
    if (its == nullptr || its->schedule != RowSchedule::persistent) continue;
    ++persistent;
    CHECK(launch_plan(config, small).grid == its->ctas);
    CHECK(rows(small.operation) > std::int64_t{its->ctas} * its->rows);
  }
  CHECK(persistent > 10);
}

TEST_CASE("rows that are few already stay as they are") {
  const KernelConfig config = parse_config("registers_s8:threads=32,octets=1,rows=4");
  const auto emulated = [&](std::int64_t m) {
    return rows(emulated_target({Quantize{.m = m, .k = 100}, reference_device({90})}, config).operation);
  };
  CHECK(emulated(1) == 1);
  CHECK(emulated(8) == 8);
  CHECK(emulated(6144) == 9);
}
