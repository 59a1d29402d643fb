// SPDX-License-Identifier: Apache-2.0
// How a kernel is launched. Shared by the tuner, the library, the exported header and the emulation; C++17.
#pragma once

#include "host_device.cuh"

namespace ditune {

enum class Launch : unsigned char {
  serial,     // after the kernel before it on the stream
  dependent,  // while that one ends: a programmatic dependent launch
};

struct LaunchPlan {
  long long grid = 0;             // CTAs, one dimension; a launch takes at most kMaxGrid
  int cluster = 1;                // CTAs in a cluster
  int block = 0;                  // threads in a CTA
  int shared_bytes = 0;           // dynamic shared memory of a CTA
  bool dependent = false;         // it may start while the kernel before it on the stream ends, and waits for that
  long long workspace_bytes = 0;  // global scratch: zero before the launch, left zero by the kernel
};

inline constexpr long long kMaxGrid = 2147483647;  // CUDA C++ Programming Guide, technical specifications: grid x

DITUNE_HOST_DEVICE long long ceil_div(long long a, long long b) { return (a + b - 1) / b; }

}  // namespace ditune
