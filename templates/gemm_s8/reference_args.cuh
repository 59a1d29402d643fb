// SPDX-License-Identifier: Apache-2.0
// The parameters of the kernels in reference.cuh, each passed by value. Shared by host and device; C++17.
#pragma once

#include "epilogue_spec.cuh"
#include "gemm_args.cuh"

namespace ditune {

inline constexpr int kReferenceTile = 64;      // outputs a CTA of ditune_reference computes, in rows and in columns
inline constexpr int kReferenceThreads = 256;  // of every kernel here

// Random contents: the value at an index depends on seed and index alone.
struct FillArgs {
  void* data;
  long long count;  // of int8 values, of floats, of bias values
  unsigned long long seed;
  Bias type;  // of ditune_fill_bias
};

struct ReferenceArgs {
  GemmArgs gemm;  // the workspace is not used
  Epilogue epilogue;
};

// What a check found. All zero: nothing.
struct Difference {
  unsigned long long count;
  unsigned long long first_complement;  // ~ of the lowest index that differs
};

// Output against reference, bit for bit, except that a NaN equals any NaN. Columns n to ldy - 1 are nobody's: they must
// hold the poison still. Indices count elements of `actual`: row * ldy + column.
struct CompareArgs {
  const void* actual;    // [m, n], row stride ldy
  const void* expected;  // [m, n], row stride n
  long long m, n, ldy;
  Output type;
  unsigned poison;  // a byte, repeated
  Difference* difference;
};

// Bytes that must all have one value.
struct UniformArgs {
  const unsigned char* data;
  long long bytes;
  unsigned value;
  Difference* difference;
};

}  // namespace ditune
