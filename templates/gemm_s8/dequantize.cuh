// SPDX-License-Identifier: Apache-2.0
// The epilogue's arithmetic on `vec` adjacent outputs of one row, in the order that the numerics contract fixes.
#pragma once

#include "activation.cuh"
#include "epilogue_spec.cuh"
#include "gemm_args.cuh"
#include "hardware.cuh"
#include "residual.cuh"

namespace ditune {

template <bool condition, class Then, class Else>
struct Choice {
  using Type = Then;
};
template <class Then, class Else>
struct Choice<false, Then, Else> {
  using Type = Else;
};

// What a kernel of an epilogue takes: an operand that it does not read changes nothing of it.
template <Epilogue epilogue>
using GemmArgsOf = typename Choice<epilogue.residual == Residual::none, GemmArgs, FusedGemmArgs>::Type;

// Elements [first, first + Count) of an array of n floats, zeros beyond its end. `first` is a multiple of 4.
template <int Count>
DITUNE_DEVICE void load_floats(float (&value)[Count], const float* array, long long first, long long n) {
  if (first + Count <= n) {
    DITUNE_UNROLL
    for (int i = 0; i < Count; i += 4) {
      const Vec16 v = global_load_vec16(array + first + i);
      DITUNE_UNROLL
      for (int j = 0; j < 4; ++j) value[i + j] = float_from_bits(v.word[j]);
    }
  } else {
    DITUNE_UNROLL
    for (int i = 0; i < Count; ++i) value[i] = first + i < n ? global_load(array + first + i) : 0.0f;
  }
}

// The same of an array of 2-byte floats.
template <Bias bias, int Count>
DITUNE_DEVICE void load_halves(float (&value)[Count], const unsigned short* array, long long first, long long n) {
  if (first + Count <= n) {
    DITUNE_UNROLL
    for (int i = 0; i < Count; i += 2) {
      const unsigned pair = global_load(reinterpret_cast<const unsigned*>(array + first + i));
      value[i] = float_from_half<bias>(static_cast<unsigned short>(pair));
      value[i + 1] = float_from_half<bias>(static_cast<unsigned short>(pair >> 16));
    }
  } else {
    DITUNE_UNROLL
    for (int i = 0; i < Count; ++i) {
      value[i] = first + i < n ? float_from_half<bias>(global_load(array + first + i)) : 0.0f;
    }
  }
}

// Elements [first, first + count) of an array of n, each of `bytes` bytes, into L2: thread t asks for the t-th line.
DITUNE_DEVICE void prefetch_elements(const void* array, int bytes, int first, int count, long long n, int thread) {
  const int element = first + thread * (128 / bytes);
  if (thread * (128 / bytes) < count && element < n) {
    prefetch(static_cast<const char*>(array) + static_cast<long long>(element) * bytes);
  }
}

// What a tile's epilogue will wait for: scales and bias are read once a launch, from DRAM if nobody asks before.
template <Epilogue epilogue>
DITUNE_DEVICE void prefetch_terms(const GemmArgs& args, int row, int rows, int column, int columns, int thread) {
  if constexpr (epilogue.out != Output::s32) {
    if (epilogue.sx == ScaleX::token) prefetch_elements(args.sx, 4, row, rows, args.m, thread);
    if (epilogue.sw == ScaleW::channel) prefetch_elements(args.sw, 4, column, columns, args.n, thread);
    if (epilogue.bias != Bias::none) {
      prefetch_elements(args.bias, epilogue.bias == Bias::f32 ? 4 : 2, column, columns, args.n, thread);
    }
  }
}

// What one lane needs of the columns it owns: `Count` adjacent ones from `first`.
template <Epilogue epilogue, int Count>
struct ColumnTerms {
  float scale[Count];
  float bias[Count];

  DITUNE_DEVICE void load(const GemmArgs& args, long long first) {
    if constexpr (epilogue.out != Output::s32) {
      if constexpr (epilogue.sw == ScaleW::channel) {
        load_floats(scale, args.sw, first, args.n);
      } else {
        const float one = global_load(args.sw);
        DITUNE_UNROLL
        for (int i = 0; i < Count; ++i) scale[i] = one;
      }
      if constexpr (epilogue.bias == Bias::f32) {
        load_floats(bias, static_cast<const float*>(args.bias), first, args.n);
      } else if constexpr (epilogue.bias != Bias::none) {
        load_halves<epilogue.bias>(bias, static_cast<const unsigned short*>(args.bias), first, args.n);
      }
    }
  }
};

template <Epilogue epilogue>
DITUNE_DEVICE float load_row_scale(const GemmArgs& args, long long row) {
  if constexpr (epilogue.out == Output::s32) return 1.0f;
  return global_load(args.sx + (epilogue.sx == ScaleX::token ? (row < args.m ? row : 0) : 0));
}

template <Epilogue epilogue, int Count>
DITUNE_DEVICE float dequantize(int acc, float row_scale, const ColumnTerms<epilogue, Count>& columns, int i) {
  float y = multiply(multiply(to_float(acc), row_scale), columns.scale[i]);
  if constexpr (epilogue.bias != Bias::none) y = add(y, columns.bias[i]);
  return y;
}

// Outputs that `count` adjacent columns of the accumulator become.
DITUNE_HOST_DEVICE int outputs_of(const Epilogue& epilogue, int count) {
  return static_cast<int>(output_columns(epilogue, count));
}

template <EpilogueOp op>
DITUNE_DEVICE float activate(float y) {
  if constexpr (op == EpilogueOp::gelu_tanh) return gelu_tanh(y);
  if constexpr (op == EpilogueOp::gelu_erf) return gelu_erf(y);
  if constexpr (op == EpilogueOp::silu) return silu(y);
  if constexpr (op == EpilogueOp::sigmoid) return sigmoid(y);
  return y;
}

// The op, in place, of columns from `from` on; of swiglu the first half of y are the outputs.
template <EpilogueOp op, int Count>
DITUNE_DEVICE void apply_op(float (&y)[Count], int from, int column) {
  if constexpr (op == EpilogueOp::swiglu) {
    DITUNE_UNROLL
    for (int j = 0; j < Count / 2; ++j) y[j] = multiply(silu(y[2 * j]), y[2 * j + 1]);
  } else if constexpr (op != EpilogueOp::none) {
    if (from > 0 && column + 0LL + Count <= from) return;
    DITUNE_UNROLL
    for (int i = 0; i < Count; ++i) {
      const float activated = activate<op>(y[i]);
      y[i] = from == 0 || column + 0LL + i >= from ? activated : y[i];
    }
  }
}

// Outputs value(0), value(1), ..., rounded and packed; behind a single one of two bytes the next.
template <Output out, int Outputs, class Value>
DITUNE_DEVICE Vec16 pack(const Value& value) {
  Vec16 packed{};
  if constexpr (output_bytes(out) == 4) {
    DITUNE_UNROLL
    for (int i = 0; i < Outputs; ++i) packed.word[i] = float_bits(value(i));
  } else {
    DITUNE_UNROLL
    for (int i = 0; i < Outputs; i += 2) {
      const float low = value(i);
      const float high = value(i + 1);
      packed.word[i / 2] = out == Output::bf16 ? pack_bf16(low, high) : pack_f16(low, high);
    }
  }
  return packed;
}

// What a lane has of a row: `Count` adjacent columns of the accumulator.
template <int Count>
struct RowPart {
  Place at;
  int acc[Count];
};

// Its outputs, rounded and packed: up to 16 bytes.
template <Epilogue epilogue, int Count>
DITUNE_DEVICE Vec16 finish(const RowPart<Count>& part, float row_scale, const ColumnTerms<epilogue, Count>& columns,
                           const ResidualTerms<epilogue.residual, Count>& residual) {
  if constexpr (epilogue.out == Output::s32) {
    Vec16 packed{};
    DITUNE_UNROLL
    for (int i = 0; i < Count; ++i) packed.word[i] = static_cast<unsigned>(part.acc[i]);
    return packed;
  } else if constexpr (epilogue.op == EpilogueOp::none && epilogue.residual == Residual::none) {
    return pack<epilogue.out, Count>([&](int i) { return dequantize(part.acc[i], row_scale, columns, i); });
  } else {
    float y[Count];
    DITUNE_UNROLL
    for (int i = 0; i < Count; ++i) y[i] = dequantize(part.acc[i], row_scale, columns, i);
    apply_op<epilogue.op>(y, epilogue.from, part.at.column);
    residual.add_to(y, epilogue.gate);
    return pack<epilogue.out, outputs_of(epilogue, Count)>([&](int i) { return y[i]; });
  }
}

// Writes the packed outputs of columns [column, column + Outputs) of a row of Y. Unless the tile is whole, those
// outside Y are left out, and rows not aligned to the packed width are written element by element.
template <Epilogue epilogue, int Outputs, bool whole_tile>
DITUNE_DEVICE void store_outputs(const GemmArgs& args, int row, int column, const Vec16& packed) {
  constexpr int kBytes = output_bytes(epilogue.out);
  unsigned char* y = static_cast<unsigned char*>(args.y) + (row * args.ldy + column) * kBytes;
  if constexpr (whole_tile) {
    global_store_vec<Outputs * kBytes>(y, packed);
  } else if (row < args.m) {
    if (column + 0LL + Outputs <= output_columns(epilogue, args.n) && args.ldy % Outputs == 0) {
      global_store_vec<Outputs * kBytes>(y, packed);
    } else {
      DITUNE_UNROLL
      for (int i = 0; i < Outputs; ++i) {
        if (column + 0LL + i >= output_columns(epilogue, args.n)) return;
        if constexpr (kBytes == 4) {
          global_store(reinterpret_cast<unsigned*>(y) + i, packed.word[i]);
        } else {
          global_store(reinterpret_cast<unsigned short*>(y) + i,
                       static_cast<unsigned short>(packed.word[i / 2] >> (i % 2 * 16)));
        }
      }
    }
  }
}

}  // namespace ditune
