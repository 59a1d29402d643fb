// SPDX-License-Identifier: Apache-2.0
// The launch plan of any family's config.
#pragma once

#include "ditune/config.hpp"
#include "ditune/operation.hpp"
#include "generator/search_space.hpp"
#include "launch_plan.cuh"

namespace ditune {

// Throws UsageError for an operation of another kind than the config's.
LaunchPlan launch_plan(const KernelConfig& config, const Operation& operation, int sms);
LaunchPlan launch_plan(const KernelConfig& config, const Target& target);

}  // namespace ditune
