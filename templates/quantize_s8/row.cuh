// SPDX-License-Identifier: Apache-2.0
// A row of the kind quantize_s8 by the threads that have it: the steps of prologue_spec.cuh in their order. Values stay
// in registers between passes over the row, or are read again: what a pass does is the same.
#pragma once

#include "columns.cuh"
#include "hadamard.cuh"
#include "octets.cuh"
#include "row_input.cuh"
#include "row_output.cuh"

namespace ditune {

// `ColumnSource`: Columns, or KeptColumns.
template <RowLayout layout, Prologue p, class ColumnSource>
class Row {
 public:
  DITUNE_DEVICE Row(const QuantizeArgs& args, long long row, const RowThreads<layout.threads>& threads,
                    const ColumnSource& columns)
      : args_(args),
        threads_(threads),
        source_(columns),
        input_(args, row),
        output_(args, row),
        row_(row),
        columns_(static_cast<int>(args.k)) {}

  // Asks for all that stays in registers.
  DITUNE_DEVICE void load() {
    if constexpr (kKept) {
      DITUNE_UNROLL
      for (int i = 0; i < layout.octets; ++i) input_.load(column_of(i), kept_[i]);
      if constexpr (p.residual != Branch::none) {
        DITUNE_UNROLL
        for (int i = 0; i < layout.octets; ++i) input_.load_branch(column_of(i), branch_[i]);
      }
    }
  }

  DITUNE_DEVICE void finish() {
    if constexpr (p.residual != Branch::none) join();
    find_norm();
    if constexpr (p.out == QuantizedType::s8 && p.scale == QuantizedScale::token) {
      float largest = 0.0f;
      each([&](int i, int column, Octet& v) {
        transform(i, column, v);
        DITUNE_UNROLL
        for (int j = 0; j < kOctet; ++j) largest = maximum(largest, absolute(v[j]));
      });
      const RowScale scale = row_scale(threads_.template largest<3>(largest));
      if (threads_.index() == 0) global_store(args_.scale + row_, scale.scale);
      each([&](int i, int column, Octet& v) {
        if constexpr (!kKept) transform(i, column, v);
        output_.store_quantized(column, v, scale.factor);
      });
    } else if constexpr (p.out == QuantizedType::s8) {
      const float factor = divide(1.0f, global_load(args_.scale));
      each([&](int i, int column, Octet& v) {
        transform(i, column, v);
        output_.store_clamped(column, v, factor);
      });
    } else {
      each([&](int i, int column, Octet& v) {
        transform(i, column, v);
        output_.store_halves(column, v);
      });
    }
  }

 private:
  static constexpr bool kKept = layout.octets > 0;

  DITUNE_DEVICE int column_of(int i) const { return octet_column<layout>(threads_.index(), columns_, i); }
  // Octets of a thread.
  DITUNE_DEVICE int steps() const { return (columns_ + kOctet * layout.threads - 1) / (kOctet * layout.threads); }

  // visit(i, column, values) for each octet of this thread; what it makes of the values stays where they are kept.
  template <class Visit>
  DITUNE_DEVICE void each(const Visit& visit) {
    if constexpr (kKept) {
      DITUNE_UNROLL
      for (int i = 0; i < layout.octets; ++i) visit(i, column_of(i), kept_[i]);
    } else {
      DITUNE_NO_UNROLL
      for (int i = 0; i < steps(); ++i) {
        Octet v;
        load_again(column_of(i), v);
        visit(i, column_of(i), v);
      }
    }
  }

  // As it was before, from where it lies.
  DITUNE_DEVICE void load_again(int column, Octet& v) const {
    if constexpr (p.residual == Branch::none) {
      input_.load(column, v);
    } else {
      input_.load_h(column, v);
    }
  }

  // The row's sum of value_of(values) over octets; load(i, values) says which values.
  template <int kNumber, class Load, class ValueOf>
  DITUNE_DEVICE float sum(const Load& load, const ValueOf& value_of) {
    if constexpr (kKept) {
      float part[layout.octets];
      DITUNE_UNROLL
      for (int i = 0; i < layout.octets; ++i) part[i] = value_of(load(i));
      DITUNE_UNROLL
      for (int half = 64; half > 0; half /= 2) {
        DITUNE_UNROLL
        for (int i = 0; i < half; ++i) {
          if (i + half < layout.octets) part[i] = add(part[i], part[i + half]);
        }
      }
      return threads_.template sum<kNumber>(part[0]);
    } else {
      int bits = 0;
      while ((1 << bits) < steps()) ++bits;
      FoldedSum folded;
      DITUNE_NO_UNROLL
      for (int u = 0; u < 1 << bits; ++u) {
        int i = 0;
        for (int bit = 0; bit < bits; ++bit) i |= (u >> bit & 1) << (bits - 1 - bit);
        folded.add_next(u, i < steps() ? value_of(load(i)) : 0.0f);
      }
      return threads_.template sum<kNumber>(folded.total());
    }
  }

  // ---- residual

  DITUNE_DEVICE void join() {
    float factor = 1.0f;
    if constexpr (p.residual == Branch::gate_rms) {
      const float squares = sum<0>(
          [&](int i) -> OctetValue {
            if constexpr (kKept) return OctetValue(branch_[i]);
            OctetValue its;
            input_.load_branch(column_of(i), its.v);
            return its;
          },
          [](const OctetValue& its) { return sum_of_squares(its.v); });
      factor = rms_factor(squares, static_cast<float>(args_.k), args_.eps);
    }
    if constexpr (kKept) {
      DITUNE_UNROLL
      for (int i = 0; i < layout.octets; ++i) add_branch(i, kept_[i], branch_[i], factor);
    } else {
      DITUNE_NO_UNROLL
      for (int i = 0; i < steps(); ++i) {
        Octet v, y;
        input_.load(column_of(i), v);
        input_.load_branch(column_of(i), y);
        add_branch(i, v, y, factor);
      }
    }
  }

  DITUNE_DEVICE void add_branch(int octet, Octet& v, Octet& y, float factor) {
    const int column = column_of(octet);
    if constexpr (is_gated(p)) {
      Octet g;
      source_.load_gate(octet, column, g);
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) {
        if constexpr (p.residual == Branch::gate_rms) y[i] = multiply(y[i], factor);
        v[i] = multiply_add(g[i], y[i], v[i]);
      }
    } else {
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) v[i] = add(v[i], y[i]);
    }
    input_.store_h(column, v);
  }

  // ---- norm

  DITUNE_DEVICE void find_norm() {
    if constexpr (p.norm != Norm::none) {
      const auto load = [&](int i) -> OctetValue {
        if constexpr (kKept) return OctetValue(kept_[i]);
        OctetValue its;
        load_again(column_of(i), its.v);
        return its;
      };
      const float k = static_cast<float>(args_.k);
      float squares;
      if constexpr (p.norm == Norm::layer) {
        mean_ = divide(sum<1>(load, [](const OctetValue& its) { return sum_of_octet(its.v); }), k);
        squares = sum<2>(
            [&](int i) {
              OctetValue its = load(i);
              center(column_of(i), its.v);
              return its;
            },
            [](const OctetValue& its) { return sum_of_squares(its.v); });
      } else {
        squares = sum<2>(load, [](const OctetValue& its) { return sum_of_squares(its.v); });
      }
      factor_ = rms_factor(squares, k, args_.eps);
    }
  }

  // What is beyond the row stays 0.
  DITUNE_DEVICE void center(int column, Octet& v) const {
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i) {
      const bool inside = layout.aligned ? column < columns_ : column + i < columns_;
      v[i] = inside ? add(v[i], -mean_) : 0.0f;
    }
  }

  DITUNE_DEVICE void normalize(int column, Octet& v) const {
    if constexpr (p.norm == Norm::layer) center(column, v);
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i) v[i] = multiply(v[i], factor_);
  }

  // ---- what follows

  // The norm's weight and bias, and the modulation.
  DITUNE_DEVICE void scale_columns(int octet, int column, Octet& v) const {
    Octet factor, term;
    source_.load_factor(octet, column, factor, term);
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i)
      v[i] = has_term(p) ? multiply_add(v[i], factor[i], term[i]) : multiply(v[i], factor[i]);
  }

  // From h to what is stored, but for the rounding.
  DITUNE_DEVICE void transform(int octet, int column, Octet& v) const {
    if constexpr (p.norm != Norm::none) normalize(column, v);
    if constexpr (has_factor(p)) scale_columns(octet, column, v);
    if constexpr (p.act != Activation::none && !is_swiglu(p)) {
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) {
        if (p.split == 0 || column + i >= p.split) v[i] = activated<p.act>(v[i]);
      }
    }
    if constexpr (p.smooth == Smoothing::on) {
      Octet c;
      source_.load_smoothing(octet, column, c);
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) v[i] = multiply(v[i], c[i]);
    }
    if constexpr (p.rotate > 1) rotate<p.rotate>(v);
  }

  struct OctetValue {
    Octet v;
    OctetValue() = default;
    explicit DITUNE_DEVICE OctetValue(const Octet& other) {
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) v[i] = other[i];
    }
  };

  const QuantizeArgs& args_;
  RowThreads<layout.threads> threads_;
  const ColumnSource& source_;
  RowInput<p, layout.aligned> input_;
  RowOutput<p, layout.aligned> output_;
  long long row_;
  int columns_;
  float mean_ = 0.0f, factor_ = 1.0f;
  Octet kept_[kKept ? layout.octets : 1];
  Octet branch_[kKept && p.residual != Branch::none ? layout.octets : 1];
};

}  // namespace ditune
