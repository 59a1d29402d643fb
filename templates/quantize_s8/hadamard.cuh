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

// All but the reading backwards. Adjacent lanes have adjacent octets, and a group is within a warp.
template <int kGroup>
DITUNE_DEVICE void rotate(float (&v)[kOctet]) {
  static_assert(kGroup == 16 || kGroup == 64 || kGroup == 256);
  rotate_four(v[0], v[1], v[2], v[3]);
  rotate_four(v[4], v[5], v[6], v[7]);
  DITUNE_UNROLL
  for (int i = 0; i < 4; ++i) {  // the digit of 4 and 8: half of it in the octet, half in the lane
    const float half = add(v[i], v[i + 4]);
    const float sum = add(half, shuffle_xor(half, 1));
    v[i] = multiply_add(-2.0f, v[i], sum);
    v[i + 4] = multiply_add(-2.0f, v[i + 4], sum);
  }
  DITUNE_UNROLL
  for (int mask = 2; mask < kGroup / kOctet; mask *= 4) {
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i) {
      const float half = add(v[i], shuffle_xor(v[i], mask));
      v[i] = multiply_add(-2.0f, v[i], add(half, shuffle_xor(half, 2 * mask)));
    }
  }
  constexpr float kScale = kGroup == 16 ? 0.25f : kGroup == 64 ? 0.125f : 0.0625f;
  DITUNE_UNROLL
  for (int i = 0; i < kOctet; ++i) v[i] = multiply(v[i], kScale);
}

}  // namespace ditune
