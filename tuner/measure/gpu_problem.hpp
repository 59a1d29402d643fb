// SPDX-License-Identifier: Apache-2.0
// A problem laid out on the GPU: operands, the reference's result, a workspace.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ditune/config.hpp"
#include "runtime/timing.hpp"
#include "tuner/verify/device_operands.hpp"
#include "tuner/verify/reference_kernels.hpp"
#include "tuner/verify/verify.hpp"

namespace ditune {

// How many operand sets: one to verify on, or as many as it takes that none is found in L2 when its turn comes again.
enum class OperandSets { one, beyond_l2 };

class GpuProblem {
 public:
  GpuProblem(const Target& target, const Strides& strides, OperandSets sets, const Contents& contents,
             std::shared_ptr<const ReferenceKernels> kernels);
  GpuProblem(const GpuProblem&) = delete;
  GpuProblem& operator=(const GpuProblem&) = delete;

  const Target& target() const { return target_; }

  // Why the kernel of this config is wrong, or nothing. Throws CudaError if its launch fails, UsageError if the config
  // does not take these operands.
  std::string failure(const Kernel& kernel, const KernelConfig& config);

  // Launches of a verified kernel. This problem must outlive the entry.
  TimedEntry entry(const Kernel& kernel, const KernelConfig& config) const;

 private:
  const Target target_;
  const std::shared_ptr<const ReferenceKernels> kernels_;
  const Stream stream_;
  const DeviceOperands operands_;
  const Verifier verifier_;
  Workspace workspace_;
};

}  // namespace ditune
