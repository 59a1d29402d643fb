// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/gpu_problem.hpp"

#include <utility>
#include <vector>

#include "generator/launch_plan.hpp"

namespace ditune {
namespace {

// Operands take at most a quarter of the free memory: the reference's result, a workspace and other programs need some
// too.
int sets_that_fit(const Target& target, const Strides& strides) {
  return operand_sets(operand_bytes(target.operation, strides), target.device.l2_bytes, free_bytes() / 4);
}

}  // namespace

GpuProblem::GpuProblem(const Target& target, const Strides& strides, OperandSets sets, const Contents& contents,
                       std::shared_ptr<const ReferenceKernels> kernels)
    : target_(target),
      kernels_(std::move(kernels)),
      operands_({target.operation, strides, sets == OperandSets::one ? 1 : sets_that_fit(target, strides), contents},
                *kernels_, stream_),
      verifier_(*kernels_, operands_, stream_) {}

std::string GpuProblem::failure(const Kernel& kernel, const KernelConfig& config) {
  const std::int64_t workspace_bytes = launch_plan(config, target_).workspace_bytes;
  Arguments arguments = operands_.arguments(0);
  set_workspace(arguments, target_.operation, workspace_.zeros(static_cast<std::size_t>(workspace_bytes), stream_));
  return verifier_.failure(prepare_launch(kernel, config, target_, arguments), workspace_, stream_);
}

TimedEntry GpuProblem::entry(const Kernel& kernel, const KernelConfig& config) const {
  const bool needs_workspace = launch_plan(config, target_).workspace_bytes > 0;
  std::vector<PreparedLaunch> launches;  // one a set
  for (int set = 0; set < operands_.sets(); ++set) {
    Arguments arguments = operands_.arguments(set);
    set_workspace(arguments, target_.operation, needs_workspace ? workspace_.buffer()->get() : nullptr);
    launches.push_back(prepare_launch(kernel, config, target_, arguments));
  }
  return {format(config), operands_.sets(),
          [launches = std::move(launches), workspace = workspace_.buffer()](int set, const Stream& stream) {
            launches.at(static_cast<std::size_t>(set))(stream);
          }};
}

}  // namespace ditune
