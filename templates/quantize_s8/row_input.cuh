// SPDX-License-Identifier: Apache-2.0
// What a row of the kind quantize_s8 is made of, and h.
#pragma once

#include "octets.cuh"

namespace ditune {

template <Prologue p, bool aligned>
class RowInput {
 public:
  DITUNE_DEVICE RowInput(const QuantizeArgs& args, long long row)
      : args_(args), row_(row), columns_(static_cast<int>(args.k)) {}

  // Of x, or of x2 from the split on.
  DITUNE_DEVICE void load(int column, Octet& v) const {
    if constexpr (p.split == 0) {
      load_columns<true>(v, first_row(), column, columns_);
    } else if constexpr (aligned) {
      if (column < p.split) {
        load_columns<false>(v, first_row(), column, p.split);
      } else {
        load_columns<true>(v, second_row(), column - p.split, columns_ - p.split);
      }
    } else {  // an octet may be of both: each value from where it is
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) v[i] = column + i < columns_ ? value_at(column + i) : 0.0f;
    }
  }

  DITUNE_DEVICE void load_branch(int column, Octet& v) const {
    load_octet<p.x, aligned>(v, static_cast<const char*>(args_.y) + row_ * args_.ldy * kInputBytes, column, columns_);
  }

  // Where it is stored already, by this thread.
  DITUNE_DEVICE void load_h(int column, Octet& v) const {
    load_octet<p.x, aligned, Memory::written>(v, h_row(), column, columns_);
  }
  // Rounds it, too.
  DITUNE_DEVICE void store_h(int column, Octet& v) const {
    const auto h = packed<p.x>(v);
    unpack<p.x>(v, h);
    h.template store<aligned>(h_row(), column, columns_);
  }

 private:
  static constexpr int kInputBytes = input_bytes(p.x);
  static constexpr bool kInPlace = p.residual != Branch::none;  // h may be x

  DITUNE_DEVICE const char* first_row() const {
    return static_cast<const char*>(args_.x) + row_ * args_.ldx * kInputBytes;
  }
  DITUNE_DEVICE const char* second_row() const {
    return static_cast<const char*>(args_.x2) + row_ * args_.ldx2 * kInputBytes;
  }
  // Of one buffer: octets of its own columns, or with swiglu what pairs of halves make.
  template <bool is_activated>
  DITUNE_DEVICE void load_columns(Octet& v, const char* row, int column, int columns) const {
    constexpr Memory kMemory = kInPlace ? Memory::written : Memory::constant;
    if constexpr (is_activated && is_swiglu(p)) {
      Octet a, b;
      if constexpr (p.act == Activation::swiglu) {
        load_octet<p.x, aligned>(a, row, column, columns);
        load_octet<p.x, aligned>(b, row + columns * kInputBytes, column, columns);
      } else {
        Octet low, high;
        load_octet<p.x, aligned>(low, row, 2 * column, 2 * columns);
        load_octet<p.x, aligned>(high, row, 2 * column + kOctet, 2 * columns);
        DITUNE_UNROLL
        for (int i = 0; i < kOctet / 2; ++i) {
          a[i] = low[2 * i], b[i] = low[2 * i + 1];
          a[i + 4] = high[2 * i], b[i + 4] = high[2 * i + 1];
        }
      }
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) v[i] = multiply(silu(a[i]), b[i]);
    } else {
      load_octet<p.x, aligned, kMemory>(v, row, column, columns);
    }
  }

  DITUNE_DEVICE float value_at(int column) const {
    if (column < p.split) return one_of(first_row(), column);
    const int its = column - p.split;
    if constexpr (p.act == Activation::swiglu)
      return multiply(silu(one_of(second_row(), its)), one_of(second_row(), its + columns_ - p.split));
    if constexpr (p.act == Activation::swiglu_interleaved)
      return multiply(silu(one_of(second_row(), 2 * its)), one_of(second_row(), 2 * its + 1));
    return one_of(second_row(), its);
  }
  static DITUNE_DEVICE float one_of(const char* row, int column) {
    Octet v;
    load_octet<p.x, false>(v, row, column, column + 1);
    return v[0];
  }

  DITUNE_DEVICE char* h_row() const { return static_cast<char*>(args_.h) + row_ * args_.ldh * kInputBytes; }

  const QuantizeArgs& args_;
  long long row_;
  int columns_;
};

}  // namespace ditune
