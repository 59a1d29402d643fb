// SPDX-License-Identifier: Apache-2.0
// What becomes of an octet of h, once the norm of its row is known, until a rotation takes it with others.
#pragma once

#include "columns.cuh"
#include "octets.cuh"
#include "rope.cuh"

namespace ditune {

// `ColumnSource`: Columns, or KeptColumns.
template <Prologue p, bool aligned, class ColumnSource>
class RowSteps {
 public:
  DITUNE_DEVICE RowSteps(const QuantizeArgs& args, const ColumnSource& columns)
      : columns_(columns), row_columns_(static_cast<int>(args.k)), eps_(args.eps) {}

  float mean = 0.0f, norm_factor = 1.0f;

  DITUNE_DEVICE const ColumnSource& columns() const { return columns_; }

  // What is beyond the row stays 0.
  DITUNE_DEVICE void center(OctetPlace at, Octet& v) const {
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i) {
      const bool inside = column_of(at) + (aligned ? 0 : i) < row_columns_;
      v[i] = inside ? add(v[i], -mean) : 0.0f;
    }
  }

  DITUNE_DEVICE void apply(int octet, OctetPlace at, Octet& v) const {
    if constexpr (p.norm != Norm::none) normalize(at, v);
    if constexpr (has_factor(p)) scale_columns(octet, at, v);
    if constexpr (p.act != Activation::none && !is_swiglu(p)) {
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) {
        if (p.split == 0 || column_of(at) + i >= p.split) v[i] = activated<p.act>(v[i]);
      }
    }
    if constexpr (p.smooth == Smoothing::on) {
      Octet c;
      columns_.load_smoothing(octet, at, c);
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) v[i] = multiply(v[i], c[i]);
    }
  }

 private:
  DITUNE_DEVICE void normalize(OctetPlace at, Octet& v) const {
    if constexpr (p.norm == Norm::layer) center(at, v);
    float factor = norm_factor;
    if constexpr (p.norm == Norm::rms_head)
      factor = rms_factor(sum_of_head<p.head>(sum_of_squares(v)), static_cast<float>(p.head), eps_);
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i) v[i] = multiply(v[i], factor);
  }

  // The norm's weight and bias, and the modulation.
  DITUNE_DEVICE void scale_columns(int octet, OctetPlace at, Octet& v) const {
    Octet factor, term;
    columns_.load_factor(octet, at, factor, term);
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i)
      v[i] = has_term(p) ? multiply_add(v[i], factor[i], term[i]) : multiply(v[i], factor[i]);
  }

  const ColumnSource& columns_;
  int row_columns_;
  float eps_;
};

}  // namespace ditune
