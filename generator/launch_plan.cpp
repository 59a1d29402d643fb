// SPDX-License-Identifier: Apache-2.0
#include "generator/launch_plan.hpp"

#include "generator/families.hpp"

namespace ditune {

LaunchPlan launch_plan(const KernelConfig& config, const Operation& operation, int sms) {
  return std::visit(
      [&]<class Config>(const Config& c) { return Family<Config>::launch_plan(c, op_of(c, operation), sms); }, config);
}

LaunchPlan launch_plan(const KernelConfig& config, const Target& target) {
  return launch_plan(config, target.operation, target.device.sms);
}

}  // namespace ditune
