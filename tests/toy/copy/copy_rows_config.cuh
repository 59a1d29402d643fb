// SPDX-License-Identifier: Apache-2.0
// One variant of the family copy_rows, and how it is launched.
#pragma once

#include "launch_plan.cuh"

namespace ditune {

struct CopyRowsConfig {
  int rows = 0;  // of a CTA
  int warps = 1;
};

DITUNE_HOST_DEVICE int threads(const CopyRowsConfig& c) { return c.warps * 32; }

DITUNE_HOST_DEVICE LaunchPlan launch_plan(const CopyRowsConfig& c, long long m) {
  LaunchPlan plan;
  plan.grid = ceil_div(m, c.rows);
  plan.block = threads(c);
  return plan;
}

}  // namespace ditune
