// SPDX-License-Identifier: Apache-2.0
// Candidates to cubins, ahead of time and on all cores.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "runtime/compile_pool.hpp"
#include "tuner/measure/measure.hpp"
#include "tuner/worker/watcher.hpp"

namespace ditune {

class CandidateCompiler {
 public:
  // As CompilePool's. The watcher is told of each compilation, from the thread that does it.
  explicit CandidateCompiler(CompilePool::Compile compile, unsigned threads = 0, const Watcher& watcher = {});

  // Starts compiling; returns at once.
  void prepare(const Target& target, std::span<const KernelConfig> configs);
  // Waits for the compilation. Throws NvrtcError if it fails, CompilerFailure if the compiler does.
  CompiledKernel compiled(const Target& target, const KernelConfig& config);
  // Resources (dynamic shared memory included) of each config, or as its failure why it does not compile.
  std::vector<Measurement> examine(const Target& target, std::span<const KernelConfig> configs);
  // Of a config; empty if it does not compile.
  std::string cubin(const Target& target, const KernelConfig& config);
  // Any other source.
  CompiledKernel compile(const KernelSource& source, SmArch arch);

 private:
  CompilePool pool_;
};

}  // namespace ditune
