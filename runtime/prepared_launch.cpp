#include "runtime/prepared_launch.hpp"

#include "generator/launch_plan.hpp"
#include "runtime/tensor_map.hpp"

namespace ditune {

PreparedLaunch prepare_launch(const Kernel& kernel, const KernelConfig& config, const Target& target,
                              const GemmArgs& args) {
  check_args(config, target.epilogue, args);
  return {kernel, launch_plan(config, target), kernel_parameter(config, target.epilogue, args, encode_tensor_map)};
}

}  // namespace ditune
