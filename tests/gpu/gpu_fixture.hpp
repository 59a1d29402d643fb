// SPDX-License-Identifier: Apache-2.0
// What the tests on a GPU share: the first device, a compiler, the reference kernels.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cudart.hpp"
#include "gemm.hpp"
#include "generator/gemm_s8/gemm.hpp"
#include "generator/search_space.hpp"
#include "kernels/samples.hpp"
#include "runtime/cuda.hpp"
#include "runtime/nvrtc.hpp"
#include "tuner/measure/candidate_compiler.hpp"
#include "tuner/measure/gpu_problem.hpp"

namespace ditune::test {

struct Gpu {
  Gpu() { use_device(0); }

  const DeviceInfo device = device_info(0);
  const Nvrtc nvrtc;
  CandidateCompiler compiler{
      [nvrtc = nvrtc](const KernelSource& source, SmArch arch) { return nvrtc.compile(source, arch); }};
  const std::shared_ptr<const ReferenceKernels> kernels =
      std::make_shared<ReferenceKernels>(compiler.compile(ReferenceKernels::source(), device.arch));

  Target target(const Operation& operation) const { return {operation, device}; }
  Target target(const Gemm& gemm, const Epilogue& epilogue) const { return {with(gemm, epilogue), device}; }

  Kernel load(const KernelSource& source) {
    const CompiledKernel compiled = compiler.compile(source, device.arch);
    return Kernel(compiled.cubin, compiled.name);
  }
  Kernel load(const KernelConfig& config, const Operation& operation = {}) { return load(emit(config, operation)); }
};

// One for all tests: the compiler keeps what it compiled.
inline Gpu& gpu() {
  static Gpu instance;
  return instance;
}

inline const FusedGemmArgs& args_of(const DeviceOperands& operands, int set = 0) {
  return std::get<FusedGemmArgs>(operands.arguments(set));
}

// Of Y, with what lies between its rows.
inline std::size_t output_bytes(const DeviceOperands& operands) {
  return operands_of(operands.operation(), operands.arguments(0)).at(2).bytes();
}

// Of the candidates that the device has for the problems; see kernels/sample.hpp.
inline std::vector<KernelConfig> covering_configs(const std::vector<Gemm>& problems) {
  const std::vector<Operation> operations(problems.begin(), problems.end());
  return covering_configs(all_candidates(operations, std::span(&gpu().device, 1)));
}

}  // namespace ditune::test
