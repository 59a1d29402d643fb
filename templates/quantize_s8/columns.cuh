// SPDX-License-Identifier: Apache-2.0
// What the parameters of a prologue make of each column, whatever the row: a factor and a term of the norm's weight and
// bias and the modulation, and the gate of the branch.
#pragma once

#include "octets.cuh"

namespace ditune {

DITUNE_DEVICE void copy(Octet& to, const Octet& from) {
  DITUNE_UNROLL
  for (int i = 0; i < kOctet; ++i) to[i] = from[i];
}

template <Prologue p, bool aligned>
class Columns {
 public:
  // Of rows that have row `table` of g, s and t.
  DITUNE_DEVICE Columns(const QuantizeArgs& args, long long table)
      : args_(args), table_(table * args.ldt * input_bytes(kType)), columns_(static_cast<int>(args.k)) {}

  // Octet `i` of a thread, which is at a place: factor = (w or 1 + w) * (s or 1 + s), term = b * (s or 1 + s) + t: of
  // these what there is.
  DITUNE_DEVICE void load_factor(int, OctetPlace at, Octet& factor, Octet& term) const {
    Octet m;
    if constexpr (p.modulate != Modulation::none) {
      load_of_table(m, args_.s, at);
      if constexpr (p.modulate != Modulation::scale) add_one(m);
      if constexpr (p.modulate == Modulation::scale1_shift) load_of_table(term, args_.t, at);
    }
    if constexpr (p.weight == NormWeight::none) {
      copy(factor, m);
      return;
    }
    load(factor, args_.w, at);
    if constexpr (p.weight == NormWeight::plus_one) add_one(factor);
    Octet b;
    if constexpr (p.bias != NormBias::none) load(b, args_.b, at);
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i) {
      if constexpr (p.modulate != Modulation::none) factor[i] = multiply(factor[i], m[i]);
      if constexpr (p.bias != NormBias::none && p.modulate == Modulation::none) term[i] = b[i];
      if constexpr (p.bias != NormBias::none && p.modulate == Modulation::scale1_shift)
        term[i] = multiply_add(b[i], m[i], term[i]);
      else if constexpr (p.bias != NormBias::none && p.modulate != Modulation::none)
        term[i] = multiply(b[i], m[i]);
    }
  }

  // g, or g * w1.
  DITUNE_DEVICE void load_gate(int, OctetPlace at, Octet& g) const {
    load_of_table(g, args_.g, at);
    if constexpr (p.residual == Branch::gate_rms) {
      Octet w1;
      load(w1, args_.w1, at);
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) g[i] = multiply(g[i], w1[i]);
    }
  }

  DITUNE_DEVICE void load_smoothing(int, OctetPlace at, Octet& c) const { load(c, args_.c, at); }

 private:
  static constexpr InputType kType = p.parameters == ParameterType::f32 ? InputType::f32 : p.x;

  static DITUNE_DEVICE void add_one(Octet& v) {
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i) v[i] = add(1.0f, v[i]);
  }
  DITUNE_DEVICE void load_of_table(Octet& v, const void* rows, OctetPlace at) const {
    load_octet<kType, aligned>(v, static_cast<const char*>(rows) + table_, at, columns_);
  }
  DITUNE_DEVICE void load(Octet& v, const void* row, OctetPlace at) const {
    load_octet<kType, aligned>(v, static_cast<const char*>(row), at, columns_);
  }

  const QuantizeArgs& args_;
  long long table_;  // bytes to the row
  int columns_;
};

// The same, kept in registers from row to row: of octets that are always these columns.
template <Prologue p, bool aligned, int octets>
class KeptColumns {
 public:
  using Source = Columns<p, aligned>;

  DITUNE_DEVICE KeptColumns() {}  // no zeros

  template <class PlaceOf>
  DITUNE_DEVICE void load(const Source& from, const PlaceOf& place_of) {
    DITUNE_UNROLL
    for (int i = 0; i < octets; ++i) {
      if constexpr (has_factor(p)) from.load_factor(i, place_of(i), factor_[i], term_[i]);
      if constexpr (is_gated(p)) from.load_gate(i, place_of(i), gate_[i]);
      if constexpr (p.smooth == Smoothing::on) from.load_smoothing(i, place_of(i), smoothing_[i]);
    }
  }
  DITUNE_DEVICE void load_factor(int i, OctetPlace, Octet& factor, Octet& term) const {
    copy(factor, factor_[i]);
    copy(term, term_[i]);
  }
  DITUNE_DEVICE void load_gate(int i, OctetPlace, Octet& g) const { copy(g, gate_[i]); }
  DITUNE_DEVICE void load_smoothing(int i, OctetPlace, Octet& c) const { copy(c, smoothing_[i]); }

 private:
  Octet factor_[octets], term_[octets], gate_[octets], smoothing_[octets];  // those that there are none of cost nothing
};

// Columns of each row anew, `Source`.
template <class Source>
class ColumnsAnew {
 public:
  using Made = Source;
  template <class PlaceOf>
  DITUNE_DEVICE Source of(const QuantizeArgs& args, long long table, const PlaceOf&) const {
    return Source(args, table);
  }
};

// Columns that are kept, `Kept`, for rows of one table after the other.
template <class Kept>
class ColumnsOfTable {
 public:
  using Made = Kept;
  // `where`: what Kept is made of.
  template <class... Where>
  DITUNE_DEVICE explicit ColumnsOfTable(Where... where) : kept_(where...) {}

  // Those of `table`, loaded if the row before had another.
  template <class PlaceOf>
  DITUNE_DEVICE const Kept& of(const QuantizeArgs& args, long long table, const PlaceOf& place_of) {
    if (table != table_) {
      table_ = table;
      kept_.load(typename Kept::Source(args, table), place_of);
    }
    return kept_;
  }

 private:
  long long table_ = -1;
  Kept kept_;
};

// The row of g, s and t that a row of X has.
template <Prologue p>
DITUNE_DEVICE long long table_row(const QuantizeArgs& args, long long row) {
  if constexpr (p.table == ModulationTable::image)
    return static_cast<unsigned>(row) / static_cast<unsigned>(args.rows_per_image);
  if constexpr (p.table == ModulationTable::index) return global_load(args.index + row);
  return 0;
}

}  // namespace ditune
