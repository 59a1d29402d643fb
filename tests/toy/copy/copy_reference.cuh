// SPDX-License-Identifier: Apache-2.0
// What candidates of the kind copy are compared with.
#pragma once

#include "copy_args.cuh"
#include "verification.cuh"

// A CTA copies a row.
extern "C" __global__ void ditune_copy_reference(ditune::CopyReferenceArgs args) {
  const int bytes = args.type == ditune::CopyType::s8 ? 1 : 2;
  const char* x = static_cast<const char*>(args.copy.x) + blockIdx.x * args.copy.ldx * bytes;
  char* y = static_cast<char*>(args.copy.y) + blockIdx.x * args.copy.ldy * bytes;
  for (long long i = threadIdx.x; i < args.copy.k * bytes; i += blockDim.x) y[i] = x[i];
}
