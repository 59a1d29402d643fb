// SPDX-License-Identifier: Apache-2.0
// What an epilogue adds its values to: r + g * y, in the order that the numerics contract fixes.
#pragma once

#include "epilogue_spec.cuh"
#include "gemm_args.cuh"
#include "hardware.cuh"
#include "values.cuh"

namespace ditune {

// Adjacent columns of a row, from `column` on.
struct Place {
  int row, column;
};

// The row of g that serves a row of y.
DITUNE_DEVICE long long gate_row(const ResidualArgs& args, Gate gate, int row) {
  if (gate == Gate::table) return row / static_cast<unsigned>(args.rows_per_gate);
  return gate == Gate::index ? global_load(args.gate_index + row) : 0;
}

// r and g of `Count` adjacent columns of a row of y. Where there is no y they are anything.
template <Residual type, int Count>
struct ResidualTerms {
  float r[Count], g[Count];

  // Ahead of the first store that may overwrite it.
  DITUNE_DEVICE void load_residual(const GemmArgs& gemm, const ResidualArgs& args, Place at) {
    constexpr int kBytes = residual_bytes(type);
    if (at.row >= gemm.m || at.column >= gemm.n) return;
    const char* const from = static_cast<const char*>(args.r) + (at.row * args.ldr + at.column) * kBytes;
    read_values<type, Memory::written>(r, from, gemm.n - at.column, args.ldr % Count == 0);
  }

  // Two values, as they lie in memory.
  static DITUNE_DEVICE void unpack(float (&values)[2], const unsigned (&words)[2]) {
    DITUNE_UNROLL
    for (int i = 0; i < 2; ++i) {
      if constexpr (residual_bytes(type) == 4) {
        values[i] = float_from_bits(words[i]);
      } else {
        values[i] = float_from_half<type>(static_cast<unsigned short>(words[0] >> (i * 16)));
      }
    }
  }

  DITUNE_DEVICE void load_gate(const GemmArgs& gemm, const ResidualArgs& args, Gate gate, Place at) {
    constexpr int kBytes = residual_bytes(type);
    if (gate == Gate::none || at.row >= gemm.m || at.column >= gemm.n) return;
    const bool is_vector = gate == Gate::channel;
    const long long row = is_vector ? 0 : gate_row(args, gate, at.row) * args.ldg;
    const char* const from = static_cast<const char*>(args.g) + (row + at.column) * kBytes;
    read_values<type, Memory::constant>(g, from, gemm.n - at.column, is_vector || args.ldg % Count == 0);
  }

  DITUNE_DEVICE void add_to(float (&y)[Count], Gate gate) const {
    DITUNE_UNROLL
    for (int i = 0; i < Count; ++i) {
      if (gate != Gate::none) y[i] = multiply(g[i], y[i]);
      y[i] = add(r[i], y[i]);
    }
  }
};

// Without a residual: nothing.
template <int Count>
struct ResidualTerms<Residual::none, Count> {
  DITUNE_DEVICE void load_residual(const GemmArgs&, const GemmArgs&, Place) {}
  DITUNE_DEVICE void load_gate(const GemmArgs&, const GemmArgs&, Gate, Place) {}
  DITUNE_DEVICE void add_to(float (&)[Count], Gate) const {}
};

// A tile's residual into L2, by all threads of a CTA.
template <Residual type, int threads>
DITUNE_DEVICE void prefetch_residual(const GemmArgs& gemm, const ResidualArgs& args, Place first, int rows,
                                     int columns) {
  constexpr int kLine = 128, kBytes = residual_bytes(type);
  const int lines = columns * kBytes / kLine + 1;  // of a row, however it lies
  for (int i = thread_index(); i < rows * lines; i += threads) {
    const int row = i / lines, column = i % lines * (kLine / kBytes);
    if (row < gemm.m - first.row && column < gemm.n - first.column) {
      prefetch(static_cast<const char*>(args.r) + ((first.row + row) * args.ldr + first.column + column) * kBytes);
    }
  }
}

}  // namespace ditune
