// SPDX-License-Identifier: Apache-2.0
// The one parameter of every GEMM kernel, passed by value. Shared by host and device; C++17, no includes.
#pragma once

namespace ditune {

// Every pointer is aligned to kPointerAlignment bytes. Strides count elements, not bytes.
inline constexpr int kPointerAlignment = 16;

struct GemmArgs {
  const signed char* x;  // [M, K], row stride ldx
  const signed char* w;  // [N, K], row stride ldw
  void* y;               // [M, N], row stride ldy, of the epilogue's output type
  const float* sx;       // [M] or [1]; null where the output is s32
  const float* sw;       // [N] or [1]; null where the output is s32
  const void* bias;      // [N] of the epilogue's bias type, or null
  void* workspace;  // LaunchPlan::workspace_bytes, all zero before the launch and after it; of one launch at a time
  long long m, n, k;
  long long ldx, ldw, ldy;
};

}  // namespace ditune
