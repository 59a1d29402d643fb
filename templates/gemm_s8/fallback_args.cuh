// SPDX-License-Identifier: Apache-2.0
// The one parameter of a built-in kernel, passed by value. Shared by host and device; C++17.
#pragma once

#include "epilogue_spec.cuh"
#include "gemm_args.cuh"

namespace ditune {

struct FallbackArgs {
  FusedGemmArgs gemm;
  Epilogue epilogue;
};

}  // namespace ditune
