// SPDX-License-Identifier: Apache-2.0
// The threads of one row, their octets, and what they find together: sums in one fixed order, whatever their number,
// and largest values. A row is cut into octets, 8 adjacent columns; those of a warp's units are adjacent, and so are
// the warps'.
#pragma once

#include "hopper.cuh"
#include "quantize_layout.cuh"

namespace ditune {

// ((v0 + v1) + (v2 + v3)) + ((v4 + v5) + (v6 + v7))
DITUNE_DEVICE float sum_of_octet(const float (&v)[kOctet]) {
  return add(add(add(v[0], v[1]), add(v[2], v[3])), add(add(v[4], v[5]), add(v[6], v[7])));
}

// The same of squares; of each pair fma(a, a, b * b).
DITUNE_DEVICE float sum_of_squares(const float (&v)[kOctet]) {
  float pair[4];
  DITUNE_UNROLL
  for (int i = 0; i < 4; ++i) pair[i] = multiply_add(v[2 * i], v[2 * i], multiply(v[2 * i + 1], v[2 * i + 1]));
  return add(add(pair[0], pair[1]), add(pair[2], pair[3]));
}

// The threads of a row, the units that one keeps in registers (all but the last are there; 0: none are kept), the
// octets of a unit, and whether rows and K are whole octets.
struct RowLayout {
  int threads;
  int units;
  int unit;
  bool aligned;
};

// Where unit u of a thread begins, that is its first octet.
template <RowLayout layout>
DITUNE_DEVICE OctetPlace place_of_unit(int thread, int columns, int u) {
  const int octet = thread / 32 * 32 * layout.unit + octet_of_lane(thread % 32, layout.unit);
  const OctetPlace at{kOctet * octet, kOctet * layout.threads * layout.unit * u};
  if (u + 1 < layout.units)
    DITUNE_ASSUME(column_of(at) + kOctet * octet_of_unit(layout.unit - 1, layout.unit) < columns);
  return at;
}
template <RowLayout layout>
DITUNE_DEVICE OctetPlace place_of_octet(int thread, int columns, int i) {
  return moved(place_of_unit<layout>(thread, columns, i / layout.unit),
               kOctet * octet_of_unit(i % layout.unit, layout.unit));
}

// A sum over units that come in the order of their reversed bits: that is the order in which it is folded in halves.
class FoldedSum {
 public:
  // Of reversed index u, from 0 on.
  DITUNE_DEVICE void add_next(int u, float value) {
    bool done = false;
    DITUNE_UNROLL
    for (int level = 0; level < kLevels; ++level) {
      if (done) continue;
      if ((u >> level & 1) == 0) {
        partial_[level] = value;
        done = true;
      } else {
        value = add(partial_[level], value);
      }
    }
    total_ = value;
  }
  // When 2^n have come.
  DITUNE_DEVICE float total() const { return total_; }

 private:
  static constexpr int kLevels = 10;
  float partial_[kLevels];
  float total_ = 0.0f;
};

template <int kThreads>
class RowThreads {
 public:
  static_assert(kThreads >= 32 && (kThreads & (kThreads - 1)) == 0, "sums are folded in halves");

  // Row `row` of its CTA, then those that come after it; a CTA has at most 15 whose threads are several warps, a named
  // barrier each.
  DITUNE_DEVICE RowThreads(int thread, int row)
      : thread_(thread),
        row_(row),
        scratch_(shared_memory() + static_cast<SharedAddress>(row * scratch_bytes(kThreads))) {}

  DITUNE_DEVICE int index() const { return thread_; }

  // The sum of what the threads bring for each octet of their units, folded in halves: of octet i that of octet i +
  // half first.
  template <int kUnit>
  DITUNE_DEVICE float sum(float (&mine)[kUnit]) {
    add_warps(mine);
    add_lanes<kUnit, 16, 4>(mine);
    if constexpr (kUnit == 4) mine[0] = add(mine[0], mine[2]), mine[1] = add(mine[1], mine[3]);
    add_lanes<kUnit == 1 ? 1 : 2, 2, 2>(mine);
    if constexpr (kUnit > 1) mine[0] = add(mine[0], mine[1]);
    add_lanes<1, 1, 1>(mine);
    return add(mine[0], 0.0f);  // -0, of which nobody knows how many there were, is +0
  }

  // Of magnitudes; NaN if one is. As bits they have the same order.
  DITUNE_DEVICE float largest(float mine) {
    unsigned bits = warp_largest(float_bits(mine));
    if constexpr (kWarps > 1) {
      if (thread_ % 32 == 0) shared_store(place(0, thread_ / 32), bits);
      agree();
      bits = warp_largest(shared_load(place(0, thread_ % kWarps)));
      turn_ ^= 1;
    }
    return float_from_bits(bits);
  }

 private:
  static constexpr int kWarps = kThreads / 32;

  DITUNE_DEVICE SharedAddress place(int octet, int thread) const {
    return scratch_ + static_cast<SharedAddress>(4 * ((turn_ * kMaxUnit + octet) * kThreads + thread));
  }
  DITUNE_DEVICE void agree() const { named_barrier(1 + row_, kThreads); }

  template <int kUnit>
  DITUNE_DEVICE void add_warps(float (&mine)[kUnit]) {
    if constexpr (kWarps > 1) {
      DITUNE_UNROLL
      for (int j = 0; j < kUnit; ++j) shared_store(place(j, thread_), float_bits(mine[j]));
      agree();
      DITUNE_UNROLL
      for (int j = 0; j < kUnit; ++j) {
        float part[kWarps];
        DITUNE_UNROLL
        for (int i = 0; i < kWarps; ++i) part[i] = float_from_bits(shared_load(place(j, i * 32 + thread_ % 32)));
        DITUNE_UNROLL
        for (int half = kWarps / 2; half > 0; half /= 2) {
          DITUNE_UNROLL
          for (int i = 0; i < half; ++i) part[i] = add(part[i], part[i + half]);
        }
        mine[j] = part[0];
      }
      turn_ ^= 1;
    }
  }

  // Of the first `octets`.
  template <int octets, int kFrom, int kTo, int kUnit>
  static DITUNE_DEVICE void add_lanes(float (&mine)[kUnit]) {
    DITUNE_UNROLL
    for (int mask = kFrom; mask >= kTo; mask /= 2) {
      DITUNE_UNROLL
      for (int j = 0; j < octets; ++j) mine[j] = add(mine[j], shuffle_xor(mine[j], mask));
    }
  }

  int thread_, row_;
  SharedAddress scratch_;
  int turn_ = 0;
};

}  // namespace ditune
