// SPDX-License-Identifier: Apache-2.0
// The threads of one row, their octets, and what they find together: sums in
// one fixed order, whatever their number, and largest values. A row is cut into
// octets, 8 adjacent columns; octet o is that of thread o % kThreads.
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

// The threads of a row, the octets that one keeps in registers (all but the last are there; 0: none are kept), and
// whether rows and K are whole octets.
struct RowLayout {
  int threads;
  int octets;
  bool aligned;
};

// Where octet i of a thread begins.
template <RowLayout layout>
DITUNE_DEVICE int octet_column(int thread, int columns, int i) {
  const int column = kOctet * (thread + layout.threads * i);
  if (i + 1 < layout.octets) DITUNE_ASSUME(column < columns);
  return column;
}

// A sum over octets i that come in the order of their reversed bits: that is the order in which it is folded in halves.
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

  // Row `row` of its CTA; a CTA has at most 15 whose threads are several warps, a named barrier each. `turn`: 0 and 1
  // in turn of rows that come one after the other, so that nobody overwrites what another still reads.
  DITUNE_DEVICE RowThreads(int thread, int row, int turn)
      : thread_(thread),
        row_(row),
        scratch_(shared_memory() +
                 static_cast<SharedAddress>(row * scratch_bytes(kThreads) + turn * scratch_bytes(kThreads) / 2)) {}

  DITUNE_DEVICE int index() const { return thread_; }

  // The sum of what the threads bring, folded in halves: of thread i that of thread i + kThreads / 2 first. Agreements
  // of one row have numbers of their own: there is no barrier behind one.
  template <int kNumber>
  DITUNE_DEVICE float sum(float mine) const {
    constexpr int kWarps = kThreads / 32;
    float part[kWarps];
    part[0] = mine;
    if constexpr (kWarps > 1) {
      exchange<kNumber>(float_bits(mine));
      DITUNE_UNROLL
      for (int i = 0; i < kWarps; ++i) part[i] = float_from_bits(of_warp<kNumber>(i));
    }
    DITUNE_UNROLL
    for (int half = kWarps / 2; half > 0; half /= 2) {
      DITUNE_UNROLL
      for (int i = 0; i < half; ++i) part[i] = add(part[i], part[i + half]);
    }
    DITUNE_UNROLL
    for (int mask = 16; mask > 0; mask /= 2) part[0] = add(part[0], shuffle_xor(part[0], mask));
    return add(part[0],
               0.0f);  // -0, of which nobody knows how many there were, is +0
  }

  // NaN if one is.
  template <int kNumber>
  DITUNE_DEVICE float largest(float mine) const {
    constexpr int kWarps = kThreads / 32;
    if constexpr (kWarps > 1) {
      exchange<kNumber>(float_bits(mine));
      DITUNE_UNROLL
      for (int i = 0; i < kWarps; ++i) mine = maximum(mine, float_from_bits(of_warp<kNumber>(i)));
    }
    DITUNE_UNROLL
    for (int mask = 16; mask > 0; mask /= 2) mine = maximum(mine, shuffle_xor(mine, mask));
    return mine;
  }

 private:
  template <int kNumber>
  DITUNE_DEVICE SharedAddress place(int thread) const {
    return scratch_ + static_cast<SharedAddress>(4 * (kNumber * kThreads + thread));
  }
  template <int kNumber>
  DITUNE_DEVICE void exchange(unsigned mine) const {
    shared_store(place<kNumber>(thread_), mine);
    named_barrier(1 + row_, kThreads);
  }
  // Of the same lane.
  template <int kNumber>
  DITUNE_DEVICE unsigned of_warp(int warp) const {
    return shared_load(place<kNumber>(warp * 32 + thread_ % 32));
  }

  int thread_, row_;
  SharedAddress scratch_;
};

}  // namespace ditune
