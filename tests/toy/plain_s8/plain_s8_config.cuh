// SPDX-License-Identifier: Apache-2.0
// One variant of the family plain_s8, and how it is launched.
#pragma once

#include "epilogue_spec.cuh"
#include "launch_plan.cuh"

namespace ditune {

struct PlainS8Config {
  int tile_m = 0, tile_n = 0;  // outputs of a CTA, a thread each
};

DITUNE_HOST_DEVICE int threads(const PlainS8Config& c) { return c.tile_m * c.tile_n; }

DITUNE_HOST_DEVICE LaunchPlan launch_plan(const PlainS8Config& c, const Epilogue&, long long m, long long n, int) {
  LaunchPlan plan;
  plan.grid = ceil_div(m, c.tile_m) * ceil_div(n, c.tile_n);
  plan.block = threads(c);
  return plan;
}

}  // namespace ditune
