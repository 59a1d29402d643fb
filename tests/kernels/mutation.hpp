// SPDX-License-Identifier: Apache-2.0
// Does the emulation bite? Templates with a mistake each: every one must be caught, by a wrong result or by a fault.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "core/in_parallel.hpp"
#include "generator/emit.hpp"
#include "runtime/host_compiler.hpp"
#include "templates/embedded.hpp"
#include "tuner/verify/host_problem.hpp"

namespace ditune::test {

// A launch under emulation: launch_of(ground) is an overload for each kind's ground.
struct EmulatedLaunch {
  KernelConfig config;
  Target target;
  Strides strides;
  Contents contents;
  KernelSource source;
  HostProblem::MakeParameter parameter;  // if not kernel_parameter
};

// A mistake that one could make in a template, with a launch that should show it.
template <class Ground>
struct Mutant {
  std::string mistake;
  Ground ground;
  std::string file;
  std::string text;     // what is there, once
  std::string instead;  // what the mistake is
};

// Where the mistake is made, in the template's text; nothing unless it is one place.
template <class Ground>
std::optional<std::size_t> place(const Mutant<Ground>& mutant) {
  const std::string_view text = embedded_template(mutant.file);
  const std::size_t at = text.find(mutant.text);
  if (at == std::string_view::npos || text.find(mutant.text, at + 1) != std::string_view::npos) return std::nullopt;
  return at;
}

// The templates, with a mistake in one.
class MutatedTemplates {
 public:
  template <class Ground>
  explicit MutatedTemplates(const Mutant<Ground>& mutant)
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

inline HostCompiler mutant_compiler() { return {DITUNE_CXX, DITUNE_OBJECTS}; }

// A launch of a kernel of these templates, until one order of warps, of a few, shows that it is wrong.
inline Emulation run(const EmulatedLaunch& launch, std::span<const EmbeddedFile> templates = embedded_templates()) {
  constexpr std::uint64_t kSchedules = 8;
  require_legal(launch.config, launch.target);
  const HostProblem problem(launch.target, launch.strides, launch.contents);
  const HostKernel kernel = mutant_compiler().compile(launch.source, templates);
  Emulation emulation;
  for (std::uint64_t schedule = 0; schedule < kSchedules && emulation.failure.empty(); ++schedule)
    emulation = problem.run(kernel, launch.config, schedule, launch.parameter);
  return emulation;
}

template <class Ground>
Emulation run(const Mutant<Ground>& mutant) {
  return run(launch_of(mutant.ground), MutatedTemplates(mutant).files());
}

// Of these mistakes, every one is found.
template <class Ground>
void check_found(const std::vector<Mutant<Ground>>& mutants) {
  for (const Mutant<Ground>& mutant : mutants) {
    INFO(mutant.mistake << ": '" << mutant.text << "' must be once in " << mutant.file);
    REQUIRE(place(mutant));
  }
  std::vector<std::string> failures(mutants.size());
  in_parallel(mutants.size(), 0, [&](std::size_t i) { failures[i] = run(mutants[i]).failure; });
  for (std::size_t i = 0; i < mutants.size(); ++i) {
    std::printf("%s\n    -> %s\n", mutants[i].mistake.c_str(), failures[i].empty() ? "SURVIVES" : failures[i].c_str());
    INFO(mutants[i].mistake);
    CHECK(failures[i] != "");
  }
  std::printf("%zu mistakes, %td not found\n", mutants.size(), std::ranges::count(failures, std::string()));
}

// And without, their launches are right.
template <class Ground>
void check_right_without(const std::vector<Mutant<Ground>>& mutants) {
  for (const Mutant<Ground>& mutant : mutants) {
    INFO(mutant.mistake);
    CHECK(run(launch_of(mutant.ground)).failure == "");
  }
}

}  // namespace ditune::test
