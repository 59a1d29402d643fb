// SPDX-License-Identifier: Apache-2.0
// A problem laid out in host memory, on which kernels are run under emulation and compared with a plain loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "generator/search_space.hpp"
#include "runtime/host_compiler.hpp"
#include "tuner/verify/host_operands.hpp"
#include "tuner/verify/verification.hpp"

namespace ditune {

// What a kernel did.
struct Emulation {
  std::string failure;                           // as in Verdict; a fault's sentence if there was one
  std::vector<emulation::SharedTraffic> shared;  // how its accesses met the banks of shared memory
  Outputs outputs;                               // as they were left
};

class HostProblem {
 public:
  // Lays out the operands and computes the plain loop's result.
  HostProblem(const Target& target, const Strides& strides, const Contents& contents);

  const Target& target() const { return target_; }
  const Arguments& arguments() const { return operands_.arguments(); }  // host pointers; null outputs and workspace
  const Outputs& expected() const { return expected_; }

  // Runs the kernel of this config. `schedule`: seed of the order in which its warps run. `make_parameter`: what
  // it is launched with, if not with kernel_parameter. Throws UsageError if the config does not take these operands.
  // Several threads may run kernels on one problem at once.
  using MakeParameter = std::function<KernelParameter(const Arguments&)>;
  Emulation run(const HostKernel& kernel, const KernelConfig& config, std::uint64_t schedule,
                const MakeParameter& make_parameter = {}) const;

 private:
  Target target_;
  HostOperands operands_;
  Outputs expected_;
};

}  // namespace ditune
