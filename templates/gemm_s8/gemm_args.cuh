// SPDX-License-Identifier: Apache-2.0
// What GEMM kernels take by value. Shared by host and device; C++17.
#pragma once

#include "host_device.cuh"

namespace ditune {

// Every pointer is aligned to 16 bytes (operand.cuh). Strides count elements, not bytes.
struct GemmArgs {
  const signed char* x;  // [M, K], row stride ldx
  const signed char* w;  // [N, K], row stride ldw
  void* y;               // [M, output_columns], row stride ldy, of the epilogue's output type
  const float* sx;       // [M] or [1]; null where the output is s32
  const float* sw;       // [N] or [1]; null where the output is s32
  const void* bias;      // [N] of the epilogue's bias type, or null
  void* workspace;  // LaunchPlan::workspace_bytes, all zero before the launch and after it; of one launch at a time
  long long m, n, k;
  long long ldx, ldw, ldy;
};

// And with a residual.
struct ResidualArgs {
  const void* r;          // [M, N], row stride ldr, of the residual's type; exactly y or apart from it
  const void* g;          // [N], or [gates, N] of row stride ldg, of the residual's type; null without a gate
  const int* gate_index;  // [M], each from 0 to gates - 1; null but for Gate::index
  long long ldr, ldg;
  long long gates;          // rows of g
  long long rows_per_gate;  // of Gate::table: rows of y that a row of g serves; gates * rows_per_gate is M or more
};

// What any epilogue takes.
struct FusedGemmArgs : GemmArgs, ResidualArgs {
  FusedGemmArgs() = default;
  DITUNE_HOST_DEVICE FusedGemmArgs(const GemmArgs& plain, const ResidualArgs& residual = {})
      : GemmArgs(plain), ResidualArgs(residual) {}
};

}  // namespace ditune
