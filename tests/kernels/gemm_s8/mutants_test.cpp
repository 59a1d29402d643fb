// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm_s8/mutants.hpp"

#include <utility>

#include "catch.hpp"
#include "gemm.hpp"
#include "generator/fallback.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "kernels/gemm_s8/case_mutants.hpp"
#include "kernels/gemm_s8/fallback_mutants.hpp"
#include "kernels/gemm_s8/fused_mutants.hpp"
#include "kernels/gemm_s8/wgmma_mutants.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Wavefronts of ldmatrix beyond what its bytes need.
long long conflicts(const Emulation& emulation) {
  long long count = 0;
  for (const emulation::SharedTraffic& site : emulation.shared)
    if (site.wrapper == "load_matrix_x4") count += site.wavefronts - site.needed;
  return count;
}

}  // namespace

namespace ditune::test {
namespace {

Strides strides_of(const Ground& ground) {
  if (ground.operands == OperandCase::plain)
    return GemmStrides{ground.problem.k, ground.problem.k, ground.ldy, ground.ldy, ground.ldy};
  const Gemm gemm = with(ground.problem, ground.epilogue);
  return ditune::strides_of(ground.operands, gemm, stride_multiples(parse_config(ground.config), gemm));
}

}  // namespace

EmulatedLaunch launch_of(const Ground& ground) {
  const KernelConfig config = parse_config(ground.config);
  Target target{with(ground.problem, ground.epilogue), reference_device({ground.arch})};
  target.device.sms = ground.sms;
  HostProblem::MakeParameter parameter;
  if (ground.is_built_in)
    parameter = [operation = target.operation](const Arguments& args) { return fallback_parameter(operation, args); };
  return {.config = config,
          .target = target,
          .strides = strides_of(ground),
          .contents = {1, values_of(ground.operands)},
          .source = ground.is_built_in ? emit_fallback(config) : emit(config, target.operation),
          .parameter = std::move(parameter)};
}

}  // namespace ditune::test

TEST_CASE("the launches that show mistakes are right without") {
  for (const Ground& ground :
       {kPlain,  kFloats,      kOddRows, kBytes,   kSplit,   kPersistent, kLow,       kStaged,     kStagedPersistent,
        kHalves, kTall,        kWords,   kTurns,   kPair,    kRow,        kParts,     kPartsOfOne, kShort,
        kNarrow, kPartsOfPair, kOneBox,  kBoxes64, kBoxes32, kWords64,    kDependent, kPartsOf144}) {
    INFO(ground.config << " on " << format(ground.problem));
    CHECK(run(launch_of(ground)).failure == "");
  }
}

TEST_CASE("every mistake in mma_s8 is found") { check_found(kMmaMutants); }
TEST_CASE("every mistake in wgmma_s8 is found") { check_found(kWgmmaMutants); }

TEST_CASE("every mistake in the built-in kernels is found") {
  check_found(kFallbackMutants);
  check_right_without(kFallbackMutants);
}

TEST_CASE("every mistake behind the bias is found") {
  check_found(kFusedMutants);
  check_right_without(kFusedMutants);
}

TEST_CASE("every mistake that plain operands do not show is found by a case of operands") {
  check_found(kCaseMutants);
  check_right_without(kCaseMutants);
  for (Mutant mutant : kCaseMutants) {
    INFO(mutant.mistake);
    mutant.ground.operands = OperandCase::plain;
    CHECK(run(mutant).failure == "");
  }
}

TEST_CASE("a kernel without its swizzle is right, and meets bank conflicts") {
  const Mutant<Ground> unswizzled{"nothing is swizzled", kPlain, "layout.cuh", "(chunk ^ swizzle(row, pitch))",
                                  "chunk"};
  const Emulation as_it_is = run(launch_of(kPlain)), without = run(unswizzled);
  CHECK(as_it_is.failure == "");
  CHECK(without.failure == "");
  CHECK(conflicts(as_it_is) == 0);
  CHECK(conflicts(without) > 0);
}
