// SPDX-License-Identifier: Apache-2.0
#include "tuner/measure/gpu_problem.hpp"

#include <utility>
#include <vector>

#include "generator/gemm_s8/gemm.hpp"
#include "generator/launch_plan.hpp"

namespace ditune {
namespace {

// Operands take at most a quarter of the free memory: the reference's result, a workspace and other programs need some
// too.
int sets_that_fit(const Target& target, const Strides& strides) {
  std::size_t free = 0, total = 0;
  DITUNE_CUDA(cudaMemGetInfo(&free, &total));
  return operand_sets(operand_bytes(gemm_of(target), strides), target.device.l2_bytes, free / 4);
}

}  // namespace

GpuProblem::GpuProblem(const Target& target, const Strides& strides, OperandSets sets, const Contents& contents,
                       std::shared_ptr<const ReferenceKernels> kernels)
    : target_(target),
      kernels_(std::move(kernels)),
      operands_(gemm_of(target), strides, sets == OperandSets::one ? 1 : sets_that_fit(target, strides), contents,
                *kernels_, stream_),
      verifier_(gemm_of(target).epilogue, *kernels_, operands_, stream_) {}

std::string GpuProblem::failure(const Kernel& kernel, const KernelConfig& config) {
  const std::int64_t workspace_bytes = launch_plan(config, target_).workspace_bytes;
  GemmArgs args = operands_.args(0);
  args.workspace = workspace_.zeros(static_cast<std::size_t>(workspace_bytes), stream_);
  return verifier_.failure(prepare_launch(kernel, config, target_, args), workspace_, stream_);
}

TimedEntry GpuProblem::entry(const Kernel& kernel, const KernelConfig& config) const {
  const bool needs_workspace = launch_plan(config, target_).workspace_bytes > 0;
  std::vector<PreparedLaunch> launches;  // one a set
  for (int set = 0; set < operands_.sets(); ++set) {
    GemmArgs args = operands_.args(set);
    args.workspace = needs_workspace ? workspace_.buffer()->get() : nullptr;
    launches.push_back(prepare_launch(kernel, config, target_, args));
  }
  return {format(config), operands_.sets(),
          [launches = std::move(launches), workspace = workspace_.buffer()](int set, const Stream& stream) {
            launches.at(static_cast<std::size_t>(set))(stream);
          }};
}

}  // namespace ditune
