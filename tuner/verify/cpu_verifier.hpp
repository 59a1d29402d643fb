// SPDX-License-Identifier: Apache-2.0
// Verification without a GPU: each config's emitted source, compiled by the host's compiler and run under emulation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "generator/search_space.hpp"
#include "runtime/host_compiler.hpp"
#include "tuner/verify/verdict.hpp"

namespace ditune {

struct CpuOptions {
  std::uint64_t seed = 0;  // of the operands and of the order in which warps run, another one in each case
  unsigned threads = 0;    // that compile and run; 0: one a core
  std::vector<OperandCase> cases{kOperandCases.begin(), kOperandCases.end()};  // that each config runs, in this order
};

struct EmulatedVerdict {
  Verdict verdict;
  Operation operation;                           // that was run: see emulated_target
  std::vector<emulation::SharedTraffic> shared;  // by access site, in the first case
};

class CpuVerifier {
 public:
  // Called when a config's turn comes, with how many are done; from any thread, but one call at a time.
  using Progress = std::function<void(std::size_t done, const KernelConfig& config)>;

  CpuVerifier(HostCompiler compiler, const CpuOptions& options);

  // In the order of the configs. Throws the first error of a config whose source does not compile or which does not
  // take the target's operands; faults and wrong results are verdicts.
  std::vector<EmulatedVerdict> verify(const Target& target, std::span<const KernelConfig> configs,
                                      const Progress& progress = {}) const;

 private:
  HostCompiler compiler_;
  CpuOptions options_;
};

}  // namespace ditune
