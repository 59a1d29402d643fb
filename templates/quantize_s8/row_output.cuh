// SPDX-License-Identifier: Apache-2.0
// What a row of the kind quantize_s8 becomes.
#pragma once

#include "octets.cuh"

namespace ditune {

template <Prologue p, bool aligned>
class RowOutput {
 public:
  DITUNE_DEVICE RowOutput(const QuantizeArgs& args, long long row)
      : args_(args), row_(row), columns_(static_cast<int>(args.k)) {}

  // A factor of 0: of what is no number.
  DITUNE_DEVICE void store_quantized(int column, const Octet& v, float factor) const {
    store_bytes(column, v, factor != 0.0f, [&](float value) { return quantized(value, factor); });
  }
  // NaN becomes 0.
  DITUNE_DEVICE void store_clamped(int column, const Octet& v, float factor) const {
    store_bytes(column, v, true, [&](float value) {
      const float clamped = minimum(maximum(multiply(value, factor), -127.0f), 127.0f);
      return clamped == clamped ? quantized(clamped, 1.0f) : 0u;
    });
  }
  DITUNE_DEVICE void store_halves(int column, const Octet& v) const {
    Octet ordered;
    DITUNE_UNROLL
    for (int i = 0; i < kOctet; ++i) ordered[i] = at(v, i);
    const int place = place_of(column);
    constexpr InputType kType = p.out == QuantizedType::bf16 ? InputType::bf16 : InputType::f16;
    packed<kType>(ordered).template store<aligned>(static_cast<char*>(args_.q) + row_ * args_.ldq * 2, place, columns_);
  }

 private:
  // A rotated group is read backwards: the octet's place, and which of its values is the i-th there.
  static DITUNE_DEVICE int place_of(int column) { return p.rotate > 1 ? column ^ (p.rotate - kOctet) : column; }
  static DITUNE_DEVICE float at(const Octet& v, int i) { return v[p.rotate > 1 ? kOctet - 1 - i : i]; }

  template <class Quantize>
  DITUNE_DEVICE void store_bytes(int column, const Octet& v, bool is_number, const Quantize& quantize) const {
    PackedOctet<1> bytes;
    DITUNE_UNROLL
    for (int i = 0; i < 2; ++i) {
      const unsigned word = pack_bytes(quantize(at(v, 4 * i)), quantize(at(v, 4 * i + 1)), quantize(at(v, 4 * i + 2)),
                                       quantize(at(v, 4 * i + 3)));
      bytes.word[i] = is_number ? word : 0;
    }
    const int place = place_of(column);
    bytes.template store<aligned>(static_cast<char*>(args_.q) + row_ * args_.ldq, place, columns_);
  }

  const QuantizeArgs& args_;
  long long row_;
  int columns_;
};

}  // namespace ditune
