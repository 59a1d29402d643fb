// SPDX-License-Identifier: Apache-2.0
// A kernel with all that its launches need.
#pragma once

#include "generator/kernel_parameter.hpp"
#include "generator/search_space.hpp"
#include "runtime/cuda.hpp"

namespace ditune {

// Made once for its operands, launched many times: what a launch costs the host is not in here.
struct PreparedLaunch {
  Kernel kernel;
  LaunchPlan plan;
  KernelParameter parameter;

  // Allocates nothing and waits for nothing, so that it may be captured.
  void operator()(const Stream& stream) const { kernel.launch(plan, parameter, stream); }
};

// The config's kernel on these operands, with a workspace of its plan's size. Throws UsageError if the config does not
// take them (check_args), CudaError if the driver does not describe them to the GPU.
PreparedLaunch prepare_launch(const Kernel& kernel, const KernelConfig& config, const Target& target,
                              const Arguments& arguments);

}  // namespace ditune
