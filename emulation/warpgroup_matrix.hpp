// SPDX-License-Identifier: Apache-2.0
// The arithmetic of wgmma.m64nNk32 of int8: descriptors, fragments, products (PTX ISA, "Asynchronous Warpgroup Level
// Matrix Instructions").
#pragma once

#include <string>

namespace ditune::emulation {

inline constexpr int kWarpgroupLanes = 128;
inline constexpr int kMatrixRows = 64;   // of a and of d
inline constexpr int kMatrixDepth = 32;  // bytes of a row of a and of b

// What a descriptor says that is not modelled, or wrong; empty if nothing. Modelled are rows of 128 bytes, swizzled by
// 128, groups of 8 rows 1024 bytes apart.
std::string refusal(unsigned long long descriptor);

// The shared address of the row's first byte, before the swizzle.
unsigned row_address(unsigned long long descriptor, int row);

// Which element of d, row-major, thread t of the warpgroup has in its i-th register.
constexpr int fragment_element(int t, int i, int n) {
  const int lane = t % 32, row = t / 32 * 16 + lane / 4 + i / 2 % 2 * 8;
  return row * n + i / 4 * 8 + lane % 4 * 2 + i % 2;
}

// d, 64 x n, += a * b, of 64 and of n rows of 32 bytes.
void multiply_rows(int* d, const signed char* a, const signed char* b, int n);

}  // namespace ditune::emulation
