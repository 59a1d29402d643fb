// SPDX-License-Identifier: Apache-2.0
// Two-dimensional tensors as the copy unit of Hopper sees them, and the parameter of kernels that use it. Shared by
// host and device; C++17.
#pragma once

#include "gemm_args.cuh"

namespace ditune {

// What the driver makes of a TensorMapSpec (cuTensorMapEncodeTiled); 128 bytes that only the hardware reads.
struct alignas(64) TensorMap {
  unsigned long long opaque[16];
};

// A row-major tensor that is copied in boxes of `box_rows` rows of `box_bytes` bytes, 32, 64 or 128: by so many they
// are swizzled in shared memory. What lies outside is read as zero and not written. The pitch, in bytes, is a multiple
// of 16.
struct TensorMapSpec {
  const void* base;
  long long rows, columns, pitch;
  int element_bytes;
  int box_rows, box_bytes;
};

struct TmaGemmArgs {
  GemmArgs gemm;
  TensorMap x, w, y;
};
// Those of a plain GEMM come first: a kernel that takes them may be given these.
struct TmaFusedGemmArgs : TmaGemmArgs, ResidualArgs {
  TensorMap residual;  // of r, where stages_residual() says that it is copied in boxes
};

}  // namespace ditune
