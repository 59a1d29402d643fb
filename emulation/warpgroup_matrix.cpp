// SPDX-License-Identifier: Apache-2.0
#include "emulation/warpgroup_matrix.hpp"

#include <vector>

namespace ditune::emulation {
namespace {

constexpr unsigned kGroupBytes = 1024;  // of 8 rows

unsigned field(unsigned long long descriptor, int first, int bits) {
  return static_cast<unsigned>(descriptor >> first & ((1ULL << bits) - 1));
}

// Strides and addresses count 16 bytes.
unsigned start_address(unsigned long long descriptor) { return field(descriptor, 0, 14) * 16; }

}  // namespace

std::string refusal(unsigned long long descriptor) {
  const unsigned stride = field(descriptor, 32, 14) * 16, swizzle = field(descriptor, 62, 2);
  if (swizzle != 1) return "a descriptor whose swizzle mode is " + std::to_string(swizzle) + ", not 1 (128 bytes)";
  if (stride != kGroupBytes)
    return "a descriptor whose stride byte offset is " + std::to_string(stride) + ", not " +
           std::to_string(kGroupBytes);
  if (field(descriptor, 49, 3) != 0 || start_address(descriptor) % kGroupBytes >= 128)
    return "a descriptor whose start address " + std::to_string(start_address(descriptor)) +
           " is not in the first of 8 rows, or whose base offset is not 0";
  if (field(descriptor, 14, 2) != 0 || field(descriptor, 30, 2) != 0 || field(descriptor, 46, 3) != 0 ||
      field(descriptor, 52, 10) != 0)
    return "a descriptor whose reserved bits are not 0";
  return {};
}

unsigned row_address(unsigned long long descriptor, int row) {
  return start_address(descriptor) + static_cast<unsigned>(row) * (kGroupBytes / 8);
}

// Of int16, which CPUs multiply and add in pairs.
void multiply_rows(int* d, const signed char* a, const signed char* b, int n) {
  const std::vector<short> wide_a(a, a + kMatrixRows * kMatrixDepth), wide_b(b, b + n * kMatrixDepth);
  for (int row = 0; row < kMatrixRows; ++row) {
    const short* const x = wide_a.data() + row * kMatrixDepth;
    for (int column = 0; column < n; ++column) {
      const short* const w = wide_b.data() + column * kMatrixDepth;
      int sum = 0;
      for (int k = 0; k < kMatrixDepth; ++k) sum += x[k] * w[k];
      d[row * n + column] += sum;
    }
  }
}

}  // namespace ditune::emulation
