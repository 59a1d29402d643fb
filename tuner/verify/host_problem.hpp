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

namespace ditune {

// What a kernel did.
struct Emulation {
  std::string failure;                           // as in Verdict; a fault's sentence if there was one
  std::vector<emulation::SharedTraffic> shared;  // how its accesses met the banks of shared memory
  std::vector<std::byte> output;                 // Y as it was left: [m, n], packed
};

class HostProblem {
 public:
  // Lays out the operands and computes the plain loop's result.
  HostProblem(const Target& target, const Strides& strides, const Contents& contents);

  const Target& target() const { return target_; }
  GemmArgs args() const { return operands_.args(); }                    // host pointers; null y and workspace
  const std::vector<std::byte>& expected() const { return expected_; }  // [m, n], packed

  // Runs the kernel of this config. `schedule`: seed of the order in which its warps run. `make_parameter`: what
  // it is launched with, if not with kernel_parameter. Throws UsageError if the config does not take these operands.
  // Several threads may run kernels on one problem at once.
  using MakeParameter = std::function<KernelParameter(const GemmArgs&)>;
  Emulation run(const HostKernel& kernel, const KernelConfig& config, std::uint64_t schedule,
                const MakeParameter& make_parameter = {}) const;

 private:
  Target target_;
  HostOperands operands_;
  std::vector<std::byte> expected_;
};

// A smaller problem whose tiles are of every kind that those of the whole one are: the same K, and along M and N a
// whole tile of the config and what is ragged of the last one (two whole tiles if nothing is). Problems that are
// smaller already stay as they are.
Gemm emulated_gemm(const Gemm& gemm, const KernelConfig& config);

// That problem on a device of so few SMs that persistent CTAs walk from tile to tile.
Target emulated_target(const Target& target, const KernelConfig& config);

}  // namespace ditune
