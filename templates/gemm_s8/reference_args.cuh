// SPDX-License-Identifier: Apache-2.0
// The parameter of the kernel in reference.cuh, passed by value. Shared by host and device; C++17.
#pragma once

#include "epilogue_spec.cuh"
#include "gemm_args.cuh"

namespace ditune {

inline constexpr int kReferenceTile = 64;  // outputs a CTA of ditune_reference computes, in rows and in columns

struct ReferenceArgs {
  FusedGemmArgs gemm;  // the workspace is not used
  Epilogue epilogue;
};

}  // namespace ditune
