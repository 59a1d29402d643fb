// SPDX-License-Identifier: Apache-2.0
// Floating-point values of any type in global memory. A type is an enumerator bf16, f16 or f32 of any enum.
#pragma once

#include "hardware.cuh"

namespace ditune {

// A bf16 or an fp16, by an enumerator of that name.
template <auto type>
DITUNE_DEVICE float float_from_half(unsigned short half) {
  return type == decltype(type)::bf16 ? float_from_bits(static_cast<unsigned>(half) << 16) : float_from_f16(half);
}

// Whether a launch may write what it reads.
enum class Memory : unsigned char { constant, written };

template <int Bytes, Memory memory>
DITUNE_DEVICE Vec16 read_bytes(const char* from) {
  if constexpr (memory == Memory::written) {
    return global_read_vec<Bytes>(from);
  } else if constexpr (Bytes == 16) {
    return global_load_vec16(from);
  } else {
    Vec16 v{};
    DITUNE_UNROLL
    for (int i = 0; i < Bytes / 4; ++i) v.word[i] = global_load(reinterpret_cast<const unsigned*>(from) + i);
    return v;
  }
}

template <Memory memory, class T>
DITUNE_DEVICE T read_one(const T* from) {
  if constexpr (memory == Memory::written) return global_read(from);
  return global_load(from);
}

// `Count` adjacent values of this type, and of those the first `there`, 1 or more; zeros for the others.
template <auto type, Memory memory, int Count>
DITUNE_DEVICE void read_values(float (&value)[Count], const char* from, long long there, bool aligned) {
  constexpr int kBytes = type == decltype(type)::f32 ? 4 : 2;
  constexpr int kStep = Count * kBytes < 16 ? Count * kBytes : 16;
  if (aligned && there >= Count) {
    DITUNE_UNROLL
    for (int at = 0; at < Count * kBytes; at += kStep) {
      const Vec16 v = read_bytes<kStep, memory>(from + at);
      DITUNE_UNROLL
      for (int i = 0; i < kStep / kBytes; ++i) {
        const unsigned word = v.word[i * kBytes / 4];
        if constexpr (kBytes == 4) {
          value[at / kBytes + i] = float_from_bits(word);
        } else {
          value[at / kBytes + i] = float_from_half<type>(static_cast<unsigned short>(word >> (i % 2 * 16)));
        }
      }
    }
  } else {
    DITUNE_UNROLL
    for (int i = 0; i < Count; ++i) {
      value[i] = 0.0f;
      if (i >= there) continue;
      if constexpr (kBytes == 4) {
        value[i] = float_from_bits(read_one<memory>(reinterpret_cast<const unsigned*>(from) + i));
      } else {
        value[i] = float_from_half<type>(read_one<memory>(reinterpret_cast<const unsigned short*>(from) + i));
      }
    }
  }
}

}  // namespace ditune
