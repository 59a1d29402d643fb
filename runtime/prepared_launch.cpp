// SPDX-License-Identifier: Apache-2.0
#include "runtime/prepared_launch.hpp"

#include "generator/arguments.hpp"
#include "generator/launch_plan.hpp"
#include "runtime/tensor_map.hpp"

namespace ditune {

PreparedLaunch prepare_launch(const Kernel& kernel, const KernelConfig& config, const Target& target,
                              const Arguments& arguments) {
  const LaunchPlan plan = launch_plan(config, target);
  check_args(config, target.operation, arguments, plan.workspace_bytes);
  return {kernel, plan, kernel_parameter(config, target.operation, arguments, encode_tensor_map)};
}

}  // namespace ditune
