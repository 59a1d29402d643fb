// SPDX-License-Identifier: Apache-2.0
// The epilogue's arithmetic on `vec` adjacent outputs of one row, in the order that the numerics contract fixes.
#pragma once

#include "epilogue_spec.cuh"
#include "gemm_args.cuh"
#include "hardware.cuh"

namespace ditune {

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

template <Bias bias>
DITUNE_DEVICE float float_from_half(unsigned short half) {
  return bias == Bias::bf16 ? float_from_bits(static_cast<unsigned>(half) << 16) : float_from_f16(half);
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

// `Count` outputs, packed: Count * output_bytes is 8 or 16.
template <Epilogue epilogue, int Count>
DITUNE_DEVICE Vec16 finish(const int (&acc)[Count], float row_scale, const ColumnTerms<epilogue, Count>& columns) {
  Vec16 packed{};
  if constexpr (epilogue.out == Output::s32) {
    DITUNE_UNROLL
    for (int i = 0; i < Count; ++i) packed.word[i] = static_cast<unsigned>(acc[i]);
  } else if constexpr (epilogue.out == Output::f32) {
    DITUNE_UNROLL
    for (int i = 0; i < Count; ++i) packed.word[i] = float_bits(dequantize(acc[i], row_scale, columns, i));
  } else {
    DITUNE_UNROLL
    for (int i = 0; i < Count; i += 2) {
      const float low = dequantize(acc[i], row_scale, columns, i);
      const float high = dequantize(acc[i + 1], row_scale, columns, i + 1);
      packed.word[i / 2] = epilogue.out == Output::bf16 ? pack_bf16(low, high) : pack_f16(low, high);
    }
  }
  return packed;
}

// Writes the packed outputs of columns [column, column + Count) of a row. Unless the tile is whole, those outside Y are
// left out, and rows not aligned to the packed width are written element by element.
template <Epilogue epilogue, int Count, bool whole_tile>
DITUNE_DEVICE void store_outputs(const GemmArgs& args, int row, int column, const Vec16& packed) {
  constexpr int kBytes = output_bytes(epilogue.out);
  unsigned char* y = static_cast<unsigned char*>(args.y) + (row * args.ldy + column) * kBytes;
  if constexpr (whole_tile) {
    global_store_vec<Count * kBytes>(y, packed);
  } else if (row < args.m) {
    if (column + 0LL + Count <= args.n && args.ldy % Count == 0) {
      global_store_vec<Count * kBytes>(y, packed);
    } else {
      DITUNE_UNROLL
      for (int i = 0; i < Count; ++i) {
        if (column + 0LL + i >= args.n) return;
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
