// SPDX-License-Identifier: Apache-2.0
// Octets between registers and memory, and what each step makes of one.
#pragma once

#include "activation.cuh"
#include "prologue_spec.cuh"
#include "quantize_args.cuh"
#include "row_threads.cuh"
#include "values.cuh"

namespace ditune {

using Octet = float[kOctet];

// Eight values as they lie in memory.
template <int kBytes>
struct PackedOctet {
  unsigned word[kOctet * kBytes / 4];

  // To columns [column, column + 8) of a row of `columns`, and none beyond its end. Where rows are whole octets at
  // addresses of such, at once.
  template <bool aligned>
  DITUNE_DEVICE void store(char* row, int column, int columns) const {
    if (column >= columns) return;
    char* const to = row + column * kBytes;
    if constexpr (aligned) {
      constexpr int kStep = kOctet * kBytes < 16 ? kOctet * kBytes : 16;
      DITUNE_UNROLL
      for (int at = 0; at < kOctet * kBytes; at += kStep) {
        Vec16 v{};
        DITUNE_UNROLL
        for (int i = 0; i < kStep / 4; ++i) v.word[i] = word[at / 4 + i];
        global_store_vec<kStep>(to + at, v);
      }
    } else {
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) {
        if (column + i >= columns) return;
        const unsigned value = word[i * kBytes / 4] >> (i * kBytes % 4 * 8);
        if constexpr (kBytes == 1)
          global_store(reinterpret_cast<unsigned char*>(to) + i, static_cast<unsigned char>(value));
        if constexpr (kBytes == 2)
          global_store(reinterpret_cast<unsigned short*>(to) + i, static_cast<unsigned short>(value));
        if constexpr (kBytes == 4) global_store(reinterpret_cast<unsigned*>(to) + i, value);
      }
    }
  }
};

template <auto type>
DITUNE_DEVICE PackedOctet<type == decltype(type)::f32 ? 4 : 2> packed(const Octet& v) {
  PackedOctet<type == decltype(type)::f32 ? 4 : 2> its;
  if constexpr (type == decltype(type)::f32) {
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i) its.word[i] = float_bits(v[i]);
  } else {
    DITUNE_UNROLL
    for (int i = 0; i < kOctet / 2; ++i)
      its.word[i] = type == decltype(type)::bf16 ? pack_bf16(v[2 * i], v[2 * i + 1]) : pack_f16(v[2 * i], v[2 * i + 1]);
  }
  return its;
}

// What is left of floats that were packed.
template <auto type>
DITUNE_DEVICE void unpack(Octet& v, const PackedOctet<type == decltype(type)::f32 ? 4 : 2>& its) {
  DITUNE_UNROLL
  for (int i = 0; i < kOctet; ++i) {
    if constexpr (type == decltype(type)::f32) {
      v[i] = float_from_bits(its.word[i]);
    } else {
      v[i] = float_from_half<type>(static_cast<unsigned short>(its.word[i / 2] >> (i % 2 * 16)));
    }
  }
}

// Columns [column, column + 8) of a row of `columns`; zeros beyond its end.
template <auto type, bool aligned, Memory memory = Memory::constant>
DITUNE_DEVICE void load_octet(Octet& v, const char* row, int column, int columns) {
  constexpr int kBytes = type == decltype(type)::f32 ? 4 : 2;
  if (column < columns) {
    read_values<type, memory>(v, row + column * kBytes, aligned ? kOctet : columns - column, aligned);
  } else {
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i) v[i] = 0.0f;
  }
}

// ---- steps

template <Activation act>
DITUNE_DEVICE float activated(float v) {
  if constexpr (act == Activation::gelu_tanh) return gelu_tanh(v);
  if constexpr (act == Activation::gelu_erf) return gelu_erf(v);
  if constexpr (act == Activation::silu) return silu(v);
  return v;
}

// 1 / sqrt(sum / k + eps)
DITUNE_DEVICE float rms_factor(float sum, float k, float eps) {
  return divide(1.0f, square_root(add(divide(sum, k), eps)));
}

// What a row is multiplied by to become int8, and back. Of a row of zeros both are 0; of one with an infinity or a NaN
// the scale is NaN, and its int8 are 0.
struct RowScale {
  float factor, scale;
};
DITUNE_DEVICE RowScale row_scale(float absmax) {
  constexpr float kLargest = 0x1.fffffep127f;
  if (!(absmax <= kLargest)) return {0.0f, float_from_bits(0x7fffffffu)};
  if (absmax == 0.0f) return {0.0f, 0.0f};
  return {minimum(divide(127.0f, absmax), kLargest), divide(absmax, 127.0f)};
}

// rint(v * factor) in the lowest byte: 1.5 * 2^23 is added, which rounds to an integer.
DITUNE_DEVICE unsigned quantized(float v, float factor) { return float_bits(multiply_add(v, factor, 12582912.0f)); }

}  // namespace ditune
