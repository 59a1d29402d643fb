// SPDX-License-Identifier: Apache-2.0
// Where variants are verified: on a GPU that is here, or on the CPU under emulation.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cli/bank_conflicts.hpp"
#include "generator/search_space.hpp"
#include "tuner/verify/verdict.hpp"

namespace ditune::cli {

// The variants of a layer.
struct Job {
  Target target;
  std::vector<KernelConfig> configs;
};

struct Verified {
  Verdict verdict;
  Operation operation;                // that the kernel ran on
  std::vector<OperandCase> left_out;  // for want of memory
};

// Called when a variant's turn comes, with how many are done.
using Announce = std::function<void(std::size_t done, const KernelConfig& config)>;

// In the order of the job's configs.
using VerifyJob = std::function<std::vector<Verified>(const Job&, const Announce&)>;

// What every variant is run with.
struct VerifyOptions {
  std::uint64_t seed = 0;
  std::vector<OperandCase> cases{kOperandCases.begin(), kOperandCases.end()};
};

// Of several cases, those that do not fit the GPU's memory are left out. Throws CudaError or NvrtcError if the GPU or
// the compiler cannot be used.
VerifyJob on_gpu(int ordinal, const VerifyOptions& options);

// What it sees of shared memory goes to `conflicts`. Throws UsageError if there is no compiler.
VerifyJob on_cpu(const VerifyOptions& options, BankConflicts& conflicts);

}  // namespace ditune::cli
