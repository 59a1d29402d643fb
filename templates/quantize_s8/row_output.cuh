// SPDX-License-Identifier: Apache-2.0
// What a row of the kind quantize_s8 becomes.
#pragma once

#include "octets.cuh"

namespace ditune {

// `at`: where the unit begins.
template <Prologue p, bool aligned>
class RowOutput {
 public:
  static constexpr int kUnit = unit_of(p.rotate);
  using Unit = Octet[kUnit];

  DITUNE_DEVICE RowOutput(const QuantizeArgs& args, long long row)
      : args_(args), row_(row), columns_(static_cast<int>(args.k)) {}

  DITUNE_DEVICE void store_quantized(OctetPlace at, const Unit& v, float factor) const {
    store_bytes(at, v, [&](float value) { return quantized(value, factor); });
  }
  // A factor of 0: of what may be no number.
  DITUNE_DEVICE void store_unusual(OctetPlace at, const Unit& v, float factor) const {
    store_bytes(at, v, [&](float value) { return factor != 0.0f ? quantized(value, factor) : 0u; });
  }
  // NaN becomes 0.
  DITUNE_DEVICE void store_clamped(OctetPlace at, const Unit& v, float factor) const {
    store_bytes(at, v, [&](float value) {
      const float clamped = minimum(maximum(multiply(value, factor), -127.0f), 127.0f);
      return clamped == clamped ? quantized(clamped, 1.0f) : 0u;
    });
  }
  DITUNE_DEVICE void store_halves(OctetPlace at, const Unit& v) const {
    constexpr InputType kType = p.out == QuantizedType::bf16 ? InputType::bf16 : InputType::f16;
    DITUNE_UNROLL
    for (int j = 0; j < kUnit; ++j) {
      Octet ordered;
      DITUNE_UNROLL
      for (int i = 0; i < kOctet; ++i) ordered[i] = in_order(v[j], i);
      const OctetPlace its = read_backwards<octet_of_unit(kUnit - 1, kUnit)>(octet_at(at, j));
      packed<kType>(ordered).template store<aligned>(static_cast<char*>(args_.q) + row_ * args_.ldq * 2, its, columns_);
    }
  }

 private:
  static DITUNE_DEVICE OctetPlace octet_at(OctetPlace unit, int j) {
    return moved(unit, kOctet * octet_of_unit(j, kUnit));
  }

  // A rotated group is read backwards: the octet's place, and which of its values is the i-th there. `octet_bits`: of
  // an octet's index in its group, those that are of OctetPlace::octet.
  template <int octet_bits>
  static DITUNE_DEVICE OctetPlace read_backwards(OctetPlace at) {
    constexpr int kBackwards = p.rotate > 1 ? p.rotate - kOctet : 0, kOfUnit = kOctet * octet_bits;
    return {at.thread ^ (kBackwards - kOfUnit), at.octet ^ kOfUnit};
  }
  static DITUNE_DEVICE float in_order(const Octet& v, int i) { return v[p.rotate > 1 ? kOctet - 1 - i : i]; }

  template <class Quantize>
  DITUNE_DEVICE void store_bytes(OctetPlace at, const Unit& v, const Quantize& quantize) const {
    PackedOctet<1> bytes[kUnit];
    DITUNE_UNROLL
    for (int j = 0; j < kUnit; ++j) {
      DITUNE_UNROLL
      for (int i = 0; i < 2; ++i)
        bytes[j].word[i] = pack_bytes(quantize(in_order(v[j], 4 * i)), quantize(in_order(v[j], 4 * i + 1)),
                                      quantize(in_order(v[j], 4 * i + 2)), quantize(in_order(v[j], 4 * i + 3)));
    }
    char* const row = static_cast<char*>(args_.q) + row_ * args_.ldq;
    if constexpr (kUnit == 1) {
      bytes[0].template store<aligned>(row, read_backwards<0>(at), columns_);
    } else {
      store_sectors(row, at, bytes);
    }
  }

  // Lanes that differ in bit 1 swap octets, so that four adjacent ones of four lanes are stored at once: 32 bytes. The
  // octet's bit 1 becomes the lane's, bit 2 the unit's.
  DITUNE_DEVICE void store_sectors(char* row, OctetPlace at, const PackedOctet<1> (&bytes)[kUnit]) const {
    constexpr int kLower = 2 * kOctet, kHigher = 4 * kOctet, kAllColumns = 0x7fffffff;
    const bool is_higher = (at.thread & kHigher) != 0;
    const bool is_beyond = column_of(at) >= columns_;  // the whole group
    at.thread ^= is_higher ? kHigher | kLower : 0;
    DITUNE_UNROLL
    for (int j = 0; j < kUnit; j += 2) {
      PackedOctet<1> lower, higher;
      DITUNE_UNROLL
      for (int i = 0; i < 2; ++i) {
        const unsigned first = bytes[j].word[i], second = bytes[j + 1].word[i];
        const unsigned swapped = shuffle_xor(is_higher ? first : second, 2);
        lower.word[i] = is_higher ? swapped : first;
        higher.word[i] = is_higher ? second : swapped;
      }
      if (is_beyond) continue;
      const OctetPlace its = octet_at(at, j);
      constexpr int kOfUnit = octet_of_unit(kUnit - 1, kUnit) ^ 2 ^ 4;
      lower.template store<aligned>(row, read_backwards<kOfUnit>(its), kAllColumns);
      higher.template store<aligned>(row, read_backwards<kOfUnit>(moved(its, kHigher)), kAllColumns);
    }
  }

  const QuantizeArgs& args_;
  long long row_;
  int columns_;
};

}  // namespace ditune
