// SPDX-License-Identifier: Apache-2.0
// Does the emulation bite? Kernels with a mistake each: every one must be caught, by a wrong result or by a fault.
#include "kernels/mutants.hpp"

#include <cstdio>
#include <optional>

#include "catch.hpp"
#include "gemm.hpp"
#include "generator/fallback.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "generator/launch_plan.hpp"
#include "kernels/case_mutants.hpp"
#include "kernels/fallback_mutants.hpp"
#include "kernels/fused_mutants.hpp"
#include "kernels/in_parallel.hpp"
#include "kernels/wgmma_mutants.hpp"
#include "tuner/verify/host_problem.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr std::uint64_t kSchedules = 8;  // orders of warps, of which one must show the mistake

// Where the mistake is made, in the template's text; nothing unless it is one place.
std::optional<std::size_t> place(const Mutant& mutant) {
  const std::string_view text = embedded_template(mutant.file);
  const std::size_t at = text.find(mutant.text);
  if (at == std::string_view::npos || text.find(mutant.text, at + 1) != std::string_view::npos) return std::nullopt;
  return at;
}

// The templates, with a mistake in one.
class MutatedTemplates {
 public:
  explicit MutatedTemplates(const Mutant& mutant)
      : text_(embedded_template(mutant.file)), files_(embedded_templates().begin(), embedded_templates().end()) {
    text_.replace(place(mutant).value(), mutant.text.size(), mutant.instead);
    for (EmbeddedFile& file : files_)
      if (file.name == mutant.file) file.text = text_;
  }
  MutatedTemplates(const MutatedTemplates&) = delete;
  MutatedTemplates& operator=(const MutatedTemplates&) = delete;
  std::span<const EmbeddedFile> files() const { return files_; }

 private:
  std::string text_;
  std::vector<EmbeddedFile> files_;
};

Strides strides_of(const Ground& ground) {
  if (ground.operands == OperandCase::plain)
    return GemmStrides{ground.problem.k, ground.problem.k, ground.ldy, ground.ldy, ground.ldy};
  const Gemm gemm = with(ground.problem, ground.epilogue);
  return ditune::strides_of(ground.operands, gemm, stride_multiples(parse_config(ground.config), gemm));
}

// A kernel of these templates on its ground, until a schedule shows that it is wrong.
Emulation run(const HostCompiler& compiler, const Ground& ground, std::span<const EmbeddedFile> templates) {
  const KernelConfig config = parse_config(ground.config);
  Target target{with(ground.problem, ground.epilogue), reference_device({ground.arch})};
  target.device.sms = ground.sms;
  require_legal(config, target);
  const HostProblem problem(target, strides_of(ground), Contents{1, values_of(ground.operands)});
  const HostKernel kernel =
      compiler.compile(ground.is_built_in ? emit_fallback(config) : emit(config, target.operation), templates);
  HostProblem::MakeParameter parameter;
  if (ground.is_built_in) parameter = [&](const Arguments& args) { return fallback_parameter(target.operation, args); };
  Emulation emulation;
  for (std::uint64_t schedule = 0; schedule < kSchedules && emulation.failure.empty(); ++schedule)
    emulation = problem.run(kernel, config, schedule, parameter);
  return emulation;
}

Emulation run(const HostCompiler& compiler, const Mutant& mutant) {
  return run(compiler, mutant.ground, MutatedTemplates(mutant).files());
}

// Wavefronts of ldmatrix beyond what its bytes need.
long long conflicts(const Emulation& emulation) {
  long long count = 0;
  for (const emulation::SharedTraffic& site : emulation.shared)
    if (site.wrapper == "load_matrix_x4") count += site.wavefronts - site.needed;
  return count;
}

// Of these mistakes, every one is found.
void check_found(const std::vector<Mutant>& mutants) {
  for (const Mutant& mutant : mutants) {
    INFO(mutant.mistake << ": '" << mutant.text << "' must be once in " << mutant.file);
    REQUIRE(place(mutant));
  }
  const HostCompiler compiler(DITUNE_CXX, DITUNE_OBJECTS);
  std::vector<std::string> failures(mutants.size());
  in_parallel(mutants.size(), [&](std::size_t i) { failures[i] = run(compiler, mutants[i]).failure; });
  for (std::size_t i = 0; i < mutants.size(); ++i) {
    std::printf("%s\n    -> %s\n", mutants[i].mistake.c_str(), failures[i].empty() ? "SURVIVES" : failures[i].c_str());
    INFO(mutants[i].mistake);
    CHECK(failures[i] != "");
  }
  std::printf("%zu mistakes, %td not found\n", mutants.size(), std::ranges::count(failures, std::string()));
}

}  // namespace

TEST_CASE("the launches that show mistakes are right without") {
  const HostCompiler compiler(DITUNE_CXX, DITUNE_OBJECTS);
  for (const Ground& ground :
       {kPlain,  kFloats,      kOddRows, kBytes,   kSplit,   kPersistent, kLow,       kStaged,     kStagedPersistent,
        kHalves, kTall,        kWords,   kTurns,   kPair,    kRow,        kParts,     kPartsOfOne, kShort,
        kNarrow, kPartsOfPair, kOneBox,  kBoxes64, kBoxes32, kWords64,    kDependent, kPartsOf144}) {
    INFO(ground.config << " on " << format(ground.problem));
    CHECK(run(compiler, ground, embedded_templates()).failure == "");
  }
}

TEST_CASE("every mistake in mma_s8 is found") { check_found(kMmaMutants); }
TEST_CASE("every mistake in wgmma_s8 is found") { check_found(kWgmmaMutants); }

TEST_CASE("every mistake in the built-in kernels is found") {
  check_found(kFallbackMutants);
  const HostCompiler compiler(DITUNE_CXX, DITUNE_OBJECTS);
  for (const Mutant& mutant : kFallbackMutants) CHECK(run(compiler, mutant.ground, embedded_templates()).failure == "");
}

TEST_CASE("every mistake behind the bias is found") {
  check_found(kFusedMutants);
  const HostCompiler compiler(DITUNE_CXX, DITUNE_OBJECTS);
  for (const Mutant& mutant : kFusedMutants) {
    INFO(mutant.mistake);
    CHECK(run(compiler, mutant.ground, embedded_templates()).failure == "");
  }
}

TEST_CASE("every mistake that plain operands do not show is found by a case of operands") {
  check_found(kCaseMutants);
  const HostCompiler compiler(DITUNE_CXX, DITUNE_OBJECTS);
  for (Mutant mutant : kCaseMutants) {
    INFO(mutant.mistake);
    CHECK(run(compiler, mutant.ground, embedded_templates()).failure == "");
    mutant.ground.operands = OperandCase::plain;
    CHECK(run(compiler, mutant).failure == "");
  }
}

TEST_CASE("a kernel without its swizzle is right, and meets bank conflicts") {
  const HostCompiler compiler(DITUNE_CXX, DITUNE_OBJECTS);
  const Mutant unswizzled{"nothing is swizzled", kPlain, "layout.cuh", "(chunk ^ swizzle(row, pitch))", "chunk"};
  const Emulation as_it_is = run(compiler, kPlain, embedded_templates()), without = run(compiler, unswizzled);
  CHECK(as_it_is.failure == "");
  CHECK(without.failure == "");
  CHECK(conflicts(as_it_is) == 0);
  CHECK(conflicts(without) > 0);
}
