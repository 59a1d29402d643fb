// SPDX-License-Identifier: Apache-2.0
// A row of the kind quantize_s8 by the threads that have it: the steps of prologue_spec.cuh in their order. Values stay
// in registers between passes over the row, or are read again: what a pass does is the same.
#pragma once

#include "hadamard.cuh"
#include "octets.cuh"
#include "row_input.cuh"
#include "row_output.cuh"
#include "row_steps.cuh"

namespace ditune {

// `ColumnSource`: Columns, or KeptColumns. `Begin`: where x and y are read.
template <RowLayout layout, Prologue p, class ColumnSource, class Begin = GlobalRow<p>>
class Row {
 public:
  DITUNE_DEVICE Row(const QuantizeArgs& args, long long row, const Begin& begin, RowThreads<layout.threads>& threads,
                    const ColumnSource& columns)
      : args_(args),
        threads_(threads),
        steps_(args, columns),
        input_(args, row, begin),
        output_(args, row),
        row_(row),
        columns_(static_cast<int>(args.k)) {}

  // Asks for all that stays in registers.
  DITUNE_DEVICE void load() {
    if constexpr (kKept) {
      DITUNE_UNROLL
      for (int i = 0; i < kOctets; ++i) input_.load(place(i), kept_[i / kUnit][i % kUnit]);
      if constexpr (p.residual != Branch::none) {
        DITUNE_UNROLL
        for (int i = 0; i < kOctets; ++i) input_.load_branch(place(i), branch_[i / kUnit][i % kUnit]);
      }
    }
  }

  DITUNE_DEVICE void finish() {
    if constexpr (p.rope != Rope::none) angles_.load(args_, row_, threads_.index());
    if constexpr (p.residual != Branch::none) join();
    find_norm();
    if constexpr (p.out == QuantizedType::s8 && p.scale == QuantizedScale::token) {
      quantize();
    } else if constexpr (p.out == QuantizedType::s8) {
      const float factor = divide(1.0f, global_load(args_.scale));
      each([&](int u, Unit& v) {
        transform(u, v);
        scale(v);
        output_.store_clamped(place_of_unit<layout>(threads_.index(), columns_, u), v, factor);
      });
    } else {
      each([&](int u, Unit& v) {
        transform(u, v);
        scale(v);
        output_.store_halves(place_of_unit<layout>(threads_.index(), columns_, u), v);
      });
    }
  }

 private:
  static constexpr bool kKept = layout.units > 0;
  static constexpr int kUnit = layout.unit;
  static constexpr int kOctets = layout.units * kUnit;
  using Unit = Octet[kUnit];

  // Of an octet of this thread.
  DITUNE_DEVICE OctetPlace place(int i) const { return place_of_octet<layout>(threads_.index(), columns_, i); }
  // Units of a thread.
  DITUNE_DEVICE int units() const {
    constexpr int kStep = kOctet * layout.unit * layout.threads;
    return (columns_ + kStep - 1) / kStep;
  }

  // visit(u, values) for each unit of this thread; what it makes of the values stays where they are kept.
  template <class Visit>
  DITUNE_DEVICE void each(const Visit& visit) {
    if constexpr (kKept) {
      DITUNE_UNROLL
      for (int u = 0; u < layout.units; ++u) {
        if (u + 1 < layout.units || !is_beyond(u)) visit(u, kept_[u]);
      }
    } else {
      DITUNE_NO_UNROLL
      for (int u = 0; u < units(); ++u) {
        Unit v;
        for_octets([&](int j) { load_again(place(u * kUnit + j), v[j]); });
        visit(u, v);
      }
    }
  }

  // Whether a unit of this warp has no column.
  DITUNE_DEVICE bool is_beyond(int u) const {
    if constexpr (layout.threads == 32) return false;
    return column_of(place_of_unit<layout>(threads_.index() / 32 * 32, columns_, u)) >= columns_;
  }

  template <class Visit>
  static DITUNE_DEVICE void for_octets(const Visit& visit) {
    DITUNE_UNROLL
    for (int j = 0; j < kUnit; ++j) visit(j);
  }

  // As it was before, from where it lies.
  DITUNE_DEVICE void load_again(OctetPlace at, Octet& v) const {
    if constexpr (p.residual == Branch::none) {
      input_.load(at, v);
    } else {
      input_.load_h(at, v);
    }
  }

  // The row's sum of value_of(values) over octets; load(i, values) says which values.
  template <class Load, class ValueOf>
  DITUNE_DEVICE float sum(const Load& load, const ValueOf& value_of) {
    float part[kUnit];
    if constexpr (kKept) {
      for_octets([&](int j) {
        float of_unit[layout.units];
        DITUNE_UNROLL
        for (int u = 0; u < layout.units; ++u) of_unit[u] = value_of(load(u * kUnit + j));
        DITUNE_UNROLL
        for (int half = 64; half > 0; half /= 2) {
          DITUNE_UNROLL
          for (int u = 0; u < half; ++u) {
            if (u + half < layout.units) of_unit[u] = add(of_unit[u], of_unit[u + half]);
          }
        }
        part[j] = of_unit[0];
      });
    } else {
      int bits = 0;
      while ((1 << bits) < units()) ++bits;
      FoldedSum folded[kUnit];
      DITUNE_NO_UNROLL
      for (int next = 0; next < 1 << bits; ++next) {
        int u = 0;
        for (int bit = 0; bit < bits; ++bit) u |= (next >> bit & 1) << (bits - 1 - bit);
        for_octets([&](int j) { folded[j].add_next(next, u < units() ? value_of(load(u * kUnit + j)) : 0.0f); });
      }
      for_octets([&](int j) { part[j] = folded[j].total(); });
    }
    return threads_.sum(part);
  }

  // ---- residual

  DITUNE_DEVICE void join() {
    float factor = 1.0f;
    if constexpr (p.residual == Branch::gate_rms) {
      const float squares = sum(
          [&](int i) -> OctetValue {
            if constexpr (kKept) return OctetValue(branch_[i / kUnit][i % kUnit]);
            OctetValue its;
            input_.load_branch(place(i), its.v);
            return its;
          },
          [](const OctetValue& its) { return sum_of_squares(its.v); });
      factor = rms_factor(squares, static_cast<float>(args_.k), args_.eps);
    }
    if constexpr (kKept) {
      DITUNE_UNROLL
      for (int i = 0; i < kOctets; ++i)
        add_branch(i, kept_[i / kUnit][i % kUnit], branch_[i / kUnit][i % kUnit], factor);
    } else {
      DITUNE_NO_UNROLL
      for (int i = 0; i < units() * kUnit; ++i) {
        Octet v, y;
        input_.load(place(i), v);
        input_.load_branch(place(i), y);
        add_branch(i, v, y, factor);
      }
    }
  }

  DITUNE_DEVICE void add_branch(int octet, Octet& v, Octet& y, float factor) {
    const OctetPlace at = place(octet);
    if constexpr (is_gated(p)) {
      Octet g;
      steps_.columns().load_gate(octet, at, g);
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) {
        if constexpr (p.residual == Branch::gate_rms) y[i] = multiply(y[i], factor);
        v[i] = multiply_add(g[i], y[i], v[i]);
      }
    } else {
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) v[i] = add(v[i], y[i]);
    }
    input_.store_h(at, v);
  }

  // ---- norm

  DITUNE_DEVICE void find_norm() {
    if constexpr (has_row_norm(p)) {
      const auto load = [&](int i) -> OctetValue {
        if constexpr (kKept) return OctetValue(kept_[i / kUnit][i % kUnit]);
        OctetValue its;
        load_again(place(i), its.v);
        return its;
      };
      const float k = static_cast<float>(args_.k);
      float squares;
      if constexpr (p.norm == Norm::layer) {
        steps_.mean = divide(sum(load, [](const OctetValue& its) { return sum_of_octet(its.v); }), k);
        squares = sum(
            [&](int i) {
              OctetValue its = load(i);
              steps_.center(place(i), its.v);
              return its;
            },
            [](const OctetValue& its) { return sum_of_squares(its.v); });
      } else {
        squares = sum(load, [](const OctetValue& its) { return sum_of_squares(its.v); });
      }
      steps_.norm_factor = rms_factor(squares, k, args_.eps);
    }
  }

  // ---- what follows

  // From h to what is stored, but for what may wait: a rotation's scale and the rounding.
  DITUNE_DEVICE void transform(int u, Unit& v) const {
    for_octets([&](int j) { steps_.apply(u * kUnit + j, place(u * kUnit + j), v[j]); });
    if constexpr (p.rope != Rope::none) for_octets([&](int j) { angles_.turn(v[j]); });
    if constexpr (p.rotate > 1) rotate<p.rotate>(v);
  }
  static DITUNE_DEVICE void scale(Unit& v) {
    if constexpr (p.rotate > 1) {
      for_octets([&](int j) {
        DITUNE_UNROLL
        for (int i = 0; i < kOctet; ++i) v[j][i] = multiply(v[j][i], rotation_scale(p.rotate));
      });
    }
  }

  DITUNE_DEVICE void quantize() {
    float largest = 0.0f;
    each([&](int u, Unit& v) {
      transform(u, v);
      for_octets([&](int j) { largest = maximum(largest, largest_magnitude(v[j])); });
    });
    // Of the scaled values: rounding keeps their order.
    const RowScale its(multiply(threads_.largest(largest), rotation_scale(p.rotate)));
    if (threads_.index() == 0) global_store(args_.scale + row_, its.scale());
    if (kKept && its.is_usual()) {
      const float factor = multiply(its.usual_factor(), rotation_scale(p.rotate));
      each([&](int u, Unit& v) {
        output_.store_quantized(place_of_unit<layout>(threads_.index(), columns_, u), v, factor);
      });
      return;
    }
    const float factor = its.factor();
    each([&](int u, Unit& v) {
      if constexpr (!kKept) transform(u, v);
      scale(v);
      output_.store_unusual(place_of_unit<layout>(threads_.index(), columns_, u), v, factor);
    });
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
  RowThreads<layout.threads>& threads_;
  RowSteps<p, layout.aligned, ColumnSource> steps_;
  RowInput<p, layout.aligned, Begin> input_;
  RowOutput<p, layout.aligned> output_;
  RopeAngles<p, layout.aligned> angles_;
  long long row_;
  int columns_;
  Unit kept_[kKept ? layout.units : 1];
  Unit branch_[kKept && p.residual != Branch::none ? layout.units : 1];
};

}  // namespace ditune
