// SPDX-License-Identifier: Apache-2.0
// Heads of a row: the norm of each alone, and the rotary embedding. A head is in as many lanes as it has octets, side
// by side, and all octets of a thread are the same columns of their heads, since a row of threads is whole heads wide.
#pragma once

#include "octets.cuh"

namespace ditune {

// What the lanes of a head bring, folded in halves.
template <int head>
DITUNE_DEVICE float sum_of_head(float mine) {
  DITUNE_UNROLL
  for (int mask = head / kOctet / 2; mask > 0; mask /= 2) mine = add(mine, shuffle_xor(mine, mask));
  return mine;
}

// The angles of a thread's columns at a row's position.
template <Prologue p, bool aligned>
class RopeAngles {
 public:
  DITUNE_DEVICE void load(const QuantizeArgs& args, long long row, int thread) {
    const auto position = static_cast<unsigned>(row) % static_cast<unsigned>(args.positions);
    const char* const angles = reinterpret_cast<const char*>(args.r + position * args.ldr);
    const int column = kOctet * thread % p.head;
    if constexpr (kIsHalf) {
      is_second_ = column >= p.head / 2;
      const int first = 2 * (column % (p.head / 2));
      load_octet<InputType::f32, aligned>(angle_[0], angles, {first, 0}, p.head);
      load_octet<InputType::f32, aligned>(angle_[1], angles, {first, kOctet}, p.head);
    } else {
      load_octet<InputType::f32, aligned>(angle_[0], angles, {column, 0}, p.head);
    }
  }

  DITUNE_DEVICE void turn(Octet& v) const {
    if constexpr (kIsHalf) {
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) {
        const float cosine = angle_[i / 4][i % 4 * 2], sine = angle_[i / 4][i % 4 * 2 + 1];
        const float across = multiply(shuffle_xor(v[i], p.head / kOctet / 2), sine);
        v[i] = multiply_add(v[i], cosine, is_second_ ? across : -across);
      }
    } else {
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; i += 2) {
        const float cosine = angle_[0][i], sine = angle_[0][i + 1], before = v[i];
        v[i] = multiply_add(before, cosine, -multiply(v[i + 1], sine));
        v[i + 1] = multiply_add(v[i + 1], cosine, multiply(before, sine));
      }
    }
  }

 private:
  static constexpr bool kIsHalf = p.rope == Rope::half;

  Octet angle_[kIsHalf ? 2 : 1];  // cosines and sines in turns
  bool is_second_ = false;        // columns of the head's second half
};

}  // namespace ditune
