// Does the emulation bite? Kernels with a mistake each: every one must be caught, by a wrong result or by a fault.
#include "emulation/mutants.hpp"

#include <cstdio>
#include <optional>

#include "catch.hpp"
#include "emulation/in_parallel.hpp"
#include "tuner/host_problem.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr std::uint64_t kSchedules = 4;  // orders of warps, of which one must show the mistake

Target target_of(const Ground& ground) {
  Target target{ground.problem, ground.epilogue, reference_device({86})};
  target.device.sms = ground.sms;
  return target;
}

// What the templates are, and with a mutant's mistake in them.
std::string failure(const HostCompiler& compiler, const Ground& ground, std::span<const EmbeddedFile> templates) {
  const KernelConfig config = parse_config(ground.config);
  const Target target = target_of(ground);
  require_legal(config, target);
  const HostProblem problem(target, {ground.problem.k, ground.problem.k, ground.ldy}, 1);
  const HostKernel kernel = compiler.compile(emit(config, ground.epilogue), templates);
  for (std::uint64_t schedule = 0; schedule < kSchedules; ++schedule) {
    if (std::string why = problem.run(kernel, config, schedule).failure; !why.empty()) return why;
  }
  return {};
}

// Where the mistake is made, in the template's text; nothing unless it is one place.
std::optional<std::size_t> place(const Mutant& mutant) {
  const std::string_view text = embedded_template(mutant.file);
  const std::size_t at = text.find(mutant.text);
  if (at == std::string_view::npos || text.find(mutant.text, at + 1) != std::string_view::npos) return std::nullopt;
  return at;
}

std::string failure(const HostCompiler& compiler, const Mutant& mutant) {
  std::string mutated(embedded_template(mutant.file));
  mutated.replace(place(mutant).value(), mutant.text.size(), mutant.instead);
  std::vector<EmbeddedFile> templates(embedded_templates().begin(), embedded_templates().end());
  for (EmbeddedFile& file : templates)
    if (file.name == mutant.file) file.text = mutated;
  return failure(compiler, mutant.ground, templates);
}

}  // namespace

TEST_CASE("the launches that show mistakes are right without") {
  const HostCompiler compiler(DITUNE_CXX, DITUNE_OBJECTS);
  for (const Ground& ground :
       {kPlain, kFloats, kOddRows, kBytes, kSplit, kPersistent, kLow, kStaged, kStagedPersistent}) {
    INFO(ground.config << " on " << format(ground.problem));
    CHECK(failure(compiler, ground, embedded_templates()) == "");
  }
}

TEST_CASE("every mistake in a kernel is found") {
  for (const Mutant& mutant : kMutants) {
    INFO(mutant.mistake << ": '" << mutant.text << "' must be once in " << mutant.file);
    REQUIRE(place(mutant));
  }
  const HostCompiler compiler(DITUNE_CXX, DITUNE_OBJECTS);
  std::vector<std::string> failures(kMutants.size());
  in_parallel(kMutants.size(), [&](std::size_t i) { failures[i] = failure(compiler, kMutants[i]); });
  for (std::size_t i = 0; i < kMutants.size(); ++i) {
    std::printf("%s\n    -> %s\n", kMutants[i].mistake.c_str(), failures[i].empty() ? "SURVIVES" : failures[i].c_str());
    INFO(kMutants[i].mistake);
    CHECK(failures[i] != "");
  }
  std::printf("%zu mistakes, %td not found\n", kMutants.size(), std::ranges::count(failures, std::string()));
}
