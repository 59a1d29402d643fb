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

// Where a place is in a row of values of so many bytes.
template <int kBytes, class Byte>
DITUNE_DEVICE Byte* address_of(Byte* row, OctetPlace at) {
  return row + static_cast<long long>(at.thread) * kBytes + static_cast<long long>(at.octet) * kBytes;
}

// Eight values as they lie in memory.
template <int kBytes>
struct PackedOctet {
  unsigned word[kOctet * kBytes / 4];

  // To the octet at a place of a row of `columns`, and none beyond its end. Where rows are whole octets at addresses of
  // such, at once.
  template <bool aligned>
  DITUNE_DEVICE void store(char* row, OctetPlace at, int columns) const {
    if (column_of(at) >= columns) return;
    char* const to = address_of<kBytes>(row, at);
    if constexpr (aligned) {
      constexpr int kStep = kOctet * kBytes < 16 ? kOctet * kBytes : 16;
      DITUNE_UNROLL
      for (int byte = 0; byte < kOctet * kBytes; byte += kStep) {
        Vec16 v{};
        DITUNE_UNROLL
        for (int i = 0; i < kStep / 4; ++i) v.word[i] = word[byte / 4 + i];
        global_store_vec<kStep>(to + byte, v);
      }
    } else {
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) {
        if (column_of(at) + i >= columns) return;
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

// The octet at a place of a row of `columns`; zeros beyond its end.
template <auto type, bool aligned, Memory memory = Memory::constant>
DITUNE_DEVICE void load_octet(Octet& v, const char* row, OctetPlace at, int columns) {
  constexpr int kBytes = type == decltype(type)::f32 ? 4 : 2;
  if (column_of(at) < columns) {
    read_values<type, memory>(v, address_of<kBytes>(row, at), aligned ? kOctet : columns - column_of(at), aligned);
  } else {
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i) v[i] = 0.0f;
  }
}

// Bytes of shared memory.
struct SharedBytes {
  SharedAddress address;
};
DITUNE_DEVICE SharedBytes operator+(SharedBytes from, long long bytes) {
  return {from.address + static_cast<SharedAddress>(bytes)};
}

// The same of a row in shared memory, which is whole octets at addresses of such.
template <auto type, bool aligned, Memory memory = Memory::constant>
DITUNE_DEVICE void load_octet(Octet& v, SharedBytes row, OctetPlace at, int columns) {
  static_assert(aligned);
  constexpr int kBytes = type == decltype(type)::f32 ? 4 : 2;
  PackedOctet<kBytes> its{};
  if (column_of(at) < columns) {
    const SharedAddress from = row.address + static_cast<SharedAddress>(column_of(at) * kBytes);
    DITUNE_UNROLL
    for (int i = 0; i < kBytes * kOctet / 16; ++i) {
      const Vec16 part = shared_load_vec16(from + 16 * static_cast<SharedAddress>(i));
      DITUNE_UNROLL
      for (int j = 0; j < 4; ++j) its.word[4 * i + j] = part.word[j];
    }
  }
  unpack<type>(v, its);
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

// The largest magnitude of an octet, NaN if there is one.
DITUNE_DEVICE float largest_magnitude(const Octet& v) {
  float its[kOctet / 2];
  DITUNE_UNROLL
  for (int i = 0; i < kOctet / 2; ++i) its[i] = maximum(absolute(v[2 * i]), absolute(v[2 * i + 1]));
  return maximum(maximum(its[0], its[1]), maximum(its[2], its[3]));
}

// What the largest magnitude of a row makes of it. Of a row of zeros factor and scale are 0; of one with an infinity or
// a NaN the scale is NaN, and its int8 are 0.
class RowScale {
 public:
  explicit DITUNE_DEVICE RowScale(float absmax) : absmax_(absmax) {}

  // Nearly every row: far from zero and infinity, so that factors of a power of two are exact.
  DITUNE_DEVICE bool is_usual() const { return absmax_ >= 0x1p-100f && absmax_ <= kLargest; }

  // What a value is multiplied by to become int8.
  DITUNE_DEVICE float usual_factor() const { return divide(127.0f, absmax_); }
  DITUNE_DEVICE float factor() const {
    return absmax_ > 0.0f && absmax_ <= kLargest ? minimum(divide(127.0f, absmax_), kLargest) : 0.0f;
  }
  // And back.
  DITUNE_DEVICE float scale() const {
    return absmax_ <= kLargest ? divide(absmax_, 127.0f) : float_from_bits(0x7fffffffu);
  }

 private:
  static constexpr float kLargest = 0x1.fffffep127f;
  float absmax_;
};

// rint(v * factor) in the lowest byte: 1.5 * 2^23 is added, which rounds to an integer.
DITUNE_DEVICE unsigned quantized(float v, float factor) { return float_bits(multiply_add(v, factor, 12582912.0f)); }

}  // namespace ditune
