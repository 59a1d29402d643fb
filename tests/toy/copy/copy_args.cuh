// SPDX-License-Identifier: Apache-2.0
// What kernels of the kind copy take.
#pragma once

namespace ditune {

enum class CopyType : unsigned char { s8, bf16 };

struct CopyArgs {
  const void* x;  // [M, K], row stride ldx
  void* y;        // [M, K], row stride ldy
  long long m, k;
  long long ldx, ldy;
};

// What the reference takes.
struct CopyReferenceArgs {
  CopyArgs copy;
  CopyType type;
};

}  // namespace ditune
