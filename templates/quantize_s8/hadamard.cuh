// SPDX-License-Identifier: Apache-2.0
// The regular Hadamard rotation of a row in groups of 4^n columns, the Kronecker power of
//
//      1  1  1 -1
//      1  1 -1  1
//      1 -1  1  1
//     -1  1  1  1
//
// over 2^n: what ComfyUI's int8_convrot checkpoints are made for (comfy_kitchen, convrot_w4a4.py). Four values a, b, c,
// d with the sum s become s - 2d, s - 2c, s - 2b, s - 2a. So for each digit of a column's index to base 4 a value is
// subtracted twice from the sum of the four that differ in that digit, and in the end the group is read backwards.
#pragma once

#include "row_threads.cuh"

namespace ditune {

// Of four values that are in one thread.
DITUNE_DEVICE void rotate_four(float& a, float& b, float& c, float& d) {
  const float sum = add(add(a, b), add(c, d));
  a = multiply_add(-2.0f, a, sum);
  b = multiply_add(-2.0f, b, sum);
  c = multiply_add(-2.0f, c, sum);
  d = multiply_add(-2.0f, d, sum);
}

// Of two that differ in the digit's lower bit; the other two are in the lane that differs in the bit of `mask`.
DITUNE_DEVICE void rotate_pair(float& a, float& b, int mask) {
  const float half = add(a, b);
  const float sum = add(half, shuffle_xor(half, mask));
  a = multiply_add(-2.0f, a, sum);
  b = multiply_add(-2.0f, b, sum);
}

// The rotation's last step, which may wait.
DITUNE_HOST_DEVICE float rotation_scale(int group) {
  return group == 16 ? 0.25f : group == 64 ? 0.125f : group == 256 ? 0.0625f : 1.0f;
}

// All but the scale and the reading backwards, of a unit. A group is within a warp.
template <int kGroup, int kUnit>
DITUNE_DEVICE void rotate(float (&v)[kUnit][kOctet]) {
  static_assert((kGroup == 16 || kGroup == 64 || kGroup == 256) && kUnit == unit_of(kGroup));
  DITUNE_UNROLL
  for (int j = 0; j < kUnit; ++j) {
    rotate_four(v[j][0], v[j][1], v[j][2], v[j][3]);
    rotate_four(v[j][4], v[j][5], v[j][6], v[j][7]);
    DITUNE_UNROLL
    for (int i = 0; i < 4; ++i) rotate_pair(v[j][i], v[j][i + 4], 1);
  }
  DITUNE_UNROLL
  for (int step = 1; step < kUnit; step *= 2) {  // the digits of 16 and 64
    DITUNE_UNROLL
    for (int j = 0; j < kUnit; ++j) {
      if ((j & step) != 0) continue;
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) rotate_pair(v[j][i], v[j + step][i], 2 * step);
    }
  }
}

}  // namespace ditune
