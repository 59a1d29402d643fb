// SPDX-License-Identifier: Apache-2.0
// One variant of the family passes_s8, and how it is launched. A CTA goes over a row as often as its steps need: any K.
// Shared by host and device; C++17.
#pragma once

#include "launch_plan.cuh"
#include "prologue_spec.cuh"
#include "quantize_layout.cuh"

namespace ditune {

struct PassesS8Config {
  int threads = 0;  // of a row: a power of two, 32 or more
  int load = 8;     // columns that are read at once: 8, or 1 where rows or K are no multiples of 8
  int ctas = 1;     // on an SM at least: bounds the registers of a thread
  Launch launch = Launch::serial;
};

DITUNE_HOST_DEVICE int threads(const PassesS8Config& c) { return c.threads; }

DITUNE_HOST_DEVICE LaunchPlan launch_plan(const PassesS8Config& c, const Prologue&, long long m, long long, int) {
  LaunchPlan plan;
  plan.grid = m;
  plan.block = threads(c);
  plan.shared_bytes = scratch_bytes(c.threads);
  plan.dependent = c.launch == Launch::dependent;
  return plan;
}

}  // namespace ditune
