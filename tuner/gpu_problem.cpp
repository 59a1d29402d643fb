#include "tuner/gpu_problem.hpp"

#include <utility>

#include "generator/launch_plan.hpp"

namespace ditune {
namespace {

// Operands take at most a quarter of the free memory: the reference's result, a workspace and other programs need some
// too.
int sets_that_fit(const Target& target, const Strides& strides) {
  std::size_t free = 0, total = 0;
  DITUNE_CUDA(cudaMemGetInfo(&free, &total));
  return operand_sets(operand_bytes(target.problem, target.epilogue, strides), target.device.l2_bytes, free / 4);
}

}  // namespace

GpuProblem::GpuProblem(const Target& target, const Strides& strides, OperandSets sets, std::uint64_t seed,
                       std::shared_ptr<const ReferenceKernels> kernels)
    : target_(target),
      sets_(sets),
      kernels_(std::move(kernels)),
      operands_(target.problem, target.epilogue, strides, sets == OperandSets::one ? 1 : sets_that_fit(target, strides),
                seed, *kernels_, stream_),
      verifier_(target.epilogue, *kernels_, operands_, stream_) {}

std::string GpuProblem::failure(const Kernel& kernel, const KernelConfig& config) {
  const LaunchPlan plan = launch_plan(config, target_);
  GemmArgs args = operands_.args(0);
  args.workspace = workspace_.zeros(static_cast<std::size_t>(plan.workspace_bytes), stream_);
  check_args(config, target_.epilogue, args);
  return verifier_.failure(kernel, plan, workspace_, stream_);
}

TimedEntry GpuProblem::entry(const Kernel& kernel, const KernelConfig& config) const {
  const LaunchPlan plan = launch_plan(config, target_);
  return {format(config), operands_.sets(), [this, kernel, plan](int set, const Stream& stream) {
            GemmArgs args = operands_.args(set);
            args.workspace = plan.workspace_bytes > 0 ? workspace_.buffer().get() : nullptr;
            kernel.launch(plan, args, stream);
          }};
}

}  // namespace ditune
