// SPDX-License-Identifier: Apache-2.0
// The parameters of the kernels in verification.cuh, each passed by value. Shared by host and device; C++17.
#pragma once

#include "element.cuh"

namespace ditune {

inline constexpr int kVerificationThreads = 256;  // of every kernel here, and of a kind's reference

// Random contents: the value at an index depends on seed and index alone.
struct FillArgs {
  void* data;
  long long count;  // values
  unsigned long long seed;
  Element type;     // of ditune_fill_addends
  long long below;  // of ditune_fill_indices
};

// What a check found. All zero: nothing.
struct Difference {
  unsigned long long count;
  unsigned long long first_complement;  // ~ of the lowest index that differs
};

// Output against reference, bit for bit, except that a NaN equals any NaN. What lies between rows is nobody's: it must
// hold the poison still. Indices count elements of `actual`: row * stride + column.
struct CompareArgs {
  const void* actual;
  const void* expected;  // rows without gaps
  long long rows, columns, stride;
  Element type;
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
