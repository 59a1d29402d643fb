// SPDX-License-Identifier: Apache-2.0
// What the parameters make of each column, kept in shared memory from row to row. Each thread keeps and reads its own
// octets, so that none waits for another.
#pragma once

#include "column_terms.cuh"
#include "columns.cuh"

namespace ditune {

// As KeptColumns. `threads`: of the CTA.
template <Prologue p, bool aligned, int threads, int octets>
class SharedColumns {
 public:
  using Source = Columns<p, aligned>;

  // `begin`: of column_bytes.
  DITUNE_DEVICE SharedColumns(SharedAddress begin, int thread)
      : own_(begin + 16 * static_cast<SharedAddress>(thread)) {}

  template <class PlaceOf>
  DITUNE_DEVICE void load(const Source& from, const PlaceOf& place_of) const {
    DITUNE_UNROLL
    for (int i = 0; i < octets; ++i) {
      Octet v, term;
      if constexpr (has_factor(p)) {
        from.load_factor(i, place_of(i), v, term);
        store(i, 0, v);
        if constexpr (has_term(p)) store(i, 1, term);
      }
      if constexpr (is_gated(p)) {
        from.load_gate(i, place_of(i), v);
        store(i, kGate, v);
      }
      if constexpr (p.smooth == Smoothing::on) {
        from.load_smoothing(i, place_of(i), v);
        store(i, kSmoothing, v);
      }
    }
  }
  DITUNE_DEVICE void load_factor(int i, OctetPlace, Octet& factor, Octet& term) const {
    load(i, 0, factor);
    if constexpr (has_term(p)) load(i, 1, term);
  }
  DITUNE_DEVICE void load_gate(int i, OctetPlace, Octet& g) const { load(i, kGate, g); }
  DITUNE_DEVICE void load_smoothing(int i, OctetPlace, Octet& c) const { load(i, kSmoothing, c); }

 private:
  static constexpr int kGate = has_factor(p) + has_term(p), kSmoothing = kGate + is_gated(p), kTerms = column_terms(p);

  // Of half an octet: lanes are 16 bytes apart, so that no two of them meet in a bank.
  DITUNE_DEVICE SharedAddress place(int octet, int term, int half) const {
    return own_ + static_cast<SharedAddress>(16 * threads * ((octet * kTerms + term) * 2 + half));
  }
  DITUNE_DEVICE void store(int octet, int term, const Octet& v) const {
    DITUNE_UNROLL
    for (int half = 0; half < 2; ++half) {
      Vec16 its;
      DITUNE_UNROLL
      for (int i = 0; i < 4; ++i) its.word[i] = float_bits(v[4 * half + i]);
      shared_store_vec<16>(place(octet, term, half), its);
    }
  }
  DITUNE_DEVICE void load(int octet, int term, Octet& v) const {
    DITUNE_UNROLL
    for (int half = 0; half < 2; ++half) {
      const Vec16 its = shared_load_vec16(place(octet, term, half));
      DITUNE_UNROLL
      for (int i = 0; i < 4; ++i) v[4 * half + i] = float_from_bits(its.word[i]);
    }
  }

  SharedAddress own_;
};

}  // namespace ditune
