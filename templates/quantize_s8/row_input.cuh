// SPDX-License-Identifier: Apache-2.0
// What a row of the kind quantize_s8 is made of, and h.
#pragma once

#include "octets.cuh"

namespace ditune {

// Where a row of x, x2 and y begins.
template <Prologue p>
class GlobalRow {
 public:
  DITUNE_DEVICE GlobalRow(const QuantizeArgs& args, long long row) : args_(args), row_(row) {}

  DITUNE_DEVICE const char* first() const { return static_cast<const char*>(args_.x) + row_ * args_.ldx * kBytes; }
  DITUNE_DEVICE const char* second() const { return static_cast<const char*>(args_.x2) + row_ * args_.ldx2 * kBytes; }
  DITUNE_DEVICE const char* branch() const { return static_cast<const char*>(args_.y) + row_ * args_.ldy * kBytes; }

 private:
  static constexpr int kBytes = input_bytes(p.x);

  const QuantizeArgs& args_;
  long long row_;
};

// `Begin`: GlobalRow, or what is like it.
template <Prologue p, bool aligned, class Begin>
class RowInput {
 public:
  DITUNE_DEVICE RowInput(const QuantizeArgs& args, long long row, const Begin& begin)
      : args_(args), row_(row), begin_(begin), columns_(static_cast<int>(args.k)) {}

  // Of x, or of x2 from the split on.
  DITUNE_DEVICE void load(OctetPlace at, Octet& v) const {
    if constexpr (p.split == 0) {
      load_columns<true>(v, begin_.first(), at, columns_);
    } else if constexpr (aligned) {
      if (column_of(at) < p.split) {
        load_columns<false>(v, begin_.first(), at, p.split);
      } else {
        load_columns<true>(v, begin_.second(), moved(at, -p.split), columns_ - p.split);
      }
    } else {  // an octet may be of both: each value from where it is
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) v[i] = column_of(at) + i < columns_ ? value_at(column_of(at) + i) : 0.0f;
    }
  }

  DITUNE_DEVICE void load_branch(OctetPlace at, Octet& v) const {
    load_octet<p.x, aligned>(v, begin_.branch(), at, columns_);
  }

  // Where it is stored already, by this thread.
  DITUNE_DEVICE void load_h(OctetPlace at, Octet& v) const {
    load_octet<p.x, aligned, Memory::written>(v, h_row(), at, columns_);
  }
  // Rounds it, too.
  DITUNE_DEVICE void store_h(OctetPlace at, Octet& v) const {
    const auto h = packed<p.x>(v);
    unpack<p.x>(v, h);
    h.template store<aligned>(h_row(), at, columns_);
  }

 private:
  static constexpr int kInputBytes = input_bytes(p.x);
  static constexpr bool kInPlace = p.residual != Branch::none || may_be_in_place(p);  // h or q may be x

  // Of one buffer: octets of its own columns, or with swiglu what pairs of halves make.
  template <bool is_activated, class Bytes>
  DITUNE_DEVICE void load_columns(Octet& v, Bytes row, OctetPlace at, int columns) const {
    constexpr Memory kMemory = kInPlace ? Memory::written : Memory::constant;
    if constexpr (is_activated && is_swiglu(p)) {
      Octet a, b;
      if constexpr (p.act == Activation::swiglu) {
        load_octet<p.x, aligned>(a, row, at, columns);
        load_octet<p.x, aligned>(b, row + columns * kInputBytes, at, columns);
      } else {
        Octet low, high;
        const OctetPlace pairs{2 * at.thread, 2 * at.octet};
        load_octet<p.x, aligned>(low, row, pairs, 2 * columns);
        load_octet<p.x, aligned>(high, row, moved(pairs, kOctet), 2 * columns);
        DITUNE_UNROLL
        for (int i = 0; i < kOctet / 2; ++i) {
          a[i] = low[2 * i], b[i] = low[2 * i + 1];
          a[i + 4] = high[2 * i], b[i + 4] = high[2 * i + 1];
        }
      }
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) v[i] = multiply(silu(a[i]), b[i]);
    } else {
      load_octet<p.x, aligned, kMemory>(v, row, at, columns);
    }
  }

  DITUNE_DEVICE float value_at(int column) const {
    if (column < p.split) return one_of(begin_.first(), column);
    const int its = column - p.split;
    if constexpr (p.act == Activation::swiglu)
      return multiply(silu(one_of(begin_.second(), its)), one_of(begin_.second(), its + columns_ - p.split));
    if constexpr (p.act == Activation::swiglu_interleaved)
      return multiply(silu(one_of(begin_.second(), 2 * its)), one_of(begin_.second(), 2 * its + 1));
    return one_of(begin_.second(), its);
  }
  static DITUNE_DEVICE float one_of(const char* row, int column) {
    Octet v;
    load_octet<p.x, false>(v, row, {column, 0}, column + 1);
    return v[0];
  }

  DITUNE_DEVICE char* h_row() const { return static_cast<char*>(args_.h) + row_ * args_.ldh * kInputBytes; }

  const QuantizeArgs& args_;
  long long row_;
  Begin begin_;
  int columns_;
};

}  // namespace ditune
