// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/candidate_compiler.hpp"

#include <atomic>

#include "catch.hpp"
#include "generator/launch_plan.hpp"

using namespace ditune;

namespace {

const Target kTarget{Gemm{4096, 4608, 4608}, reference_device(SmArch{90})};
const KernelConfig kGood = parse_config("mma_s8:tile=128x128x64,warps=2x2,stages=3");
const KernelConfig kSpilling = parse_config("mma_s8:tile=128x256x64,warps=2x4,stages=3");
const KernelConfig kBroken = parse_config("mma_s8:tile=128x64x64,warps=2x2,stages=3");

CompiledKernel fake_compile(const KernelSource& source, SmArch arch) {
  if (source.text == emit(kBroken, {}).text) throw NvrtcError("no such thing", "");
  CompiledKernel compiled{
      source.name, format(arch) + source.name, {.registers = 100, .spill_bytes = 0, .shared_bytes = 16}};
  if (source.text == emit(kSpilling, {}).text) compiled.resources.spill_bytes = 8;
  return compiled;
}

}  // namespace

TEST_CASE("resources are told, and why a config does not compile") {
  CandidateCompiler compiler(fake_compile, 2);
  const std::vector<KernelConfig> configs = {kGood, kSpilling, kBroken};
  const std::vector<Measurement> results = compiler.examine(kTarget, configs);
  REQUIRE(results.size() == 3);
  CHECK(results[0].ok());
  CHECK(results[0].resources.registers == 100);
  CHECK(results[0].resources.shared_bytes == 16 + launch_plan(kGood, kTarget).shared_bytes);
  CHECK(results[1].ok());
  CHECK(results[1].resources.spill_bytes == 8);
  CHECK(results[2].failure == "no such thing");
}

TEST_CASE("what was prepared is compiled once") {
  std::atomic<int> compilations = 0;
  CandidateCompiler compiler(
      [&](const KernelSource& source, SmArch arch) {
        ++compilations;
        return fake_compile(source, arch);
      },
      2);
  const std::vector<KernelConfig> configs = {kGood, kSpilling};
  compiler.prepare(kTarget, configs);
  compiler.examine(kTarget, configs);
  CHECK(compiler.cubin(kTarget, kGood) == "sm_90" + emit(kGood, {}).name);
  CHECK(compilations == 2);
  CHECK(compiler.cubin(kTarget, kBroken).empty());
}

TEST_CASE("a failure of the compiler's own is none of a config's") {
  CandidateCompiler compiler(
      [](const KernelSource& source, SmArch arch) {
        if (source.text == emit(kSpilling, {}).text) throw CompilerFailure("there is no memory", "free some");
        return fake_compile(source, arch);
      },
      2);
  const std::vector<KernelConfig> configs = {kGood, kSpilling, kBroken};
  CHECK_THROWS_AS(compiler.examine(kTarget, configs), CompilerFailure);
  CHECK_THROWS_AS(compiler.cubin(kTarget, kSpilling), CompilerFailure);
}
