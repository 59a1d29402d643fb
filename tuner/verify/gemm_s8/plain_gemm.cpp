// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/gemm_s8/plain_gemm.hpp"

#include <cstdint>
#include <cstring>

#include "emulation/numbers.hpp"

namespace ditune {
namespace {

std::int32_t dot(const signed char* x, const signed char* w, long long k) {
  std::int32_t sum = 0;
  for (long long i = 0; i < k; ++i) sum += x[i] * w[i];
  return sum;
}

float bias_at(const void* bias, Bias type, long long column) {
  if (type == Bias::f32) return static_cast<const float*>(bias)[column];
  const unsigned short half = static_cast<const unsigned short*>(bias)[column];
  return type == Bias::bf16 ? emulation::float_of(unsigned{half} << 16) : emulation::float_from_f16(half);
}

// The bits of an output.
unsigned finish(std::int32_t acc, const GemmArgs& args, const Epilogue& epilogue, long long row, long long column) {
  if (epilogue.out == Output::s32) return static_cast<unsigned>(acc);
  const float sx = args.sx[epilogue.sx == ScaleX::token ? row : 0];
  const float sw = args.sw[epilogue.sw == ScaleW::channel ? column : 0];
  float y = (static_cast<float>(acc) * sx) * sw;
  if (epilogue.bias != Bias::none) y = y + bias_at(args.bias, epilogue.bias, column);
  switch (epilogue.out) {
    case Output::bf16:
      return emulation::bf16_from_float(y);
    case Output::f16:
      return emulation::f16_from_float(y);
    default:
      return emulation::bits_of(y);
  }
}

}  // namespace

std::vector<std::byte> plain_gemm(const GemmArgs& args, const Epilogue& epilogue) {
  const auto size = static_cast<std::size_t>(output_bytes(epilogue.out));
  std::vector<std::byte> y(static_cast<std::size_t>(args.m * args.n) * size);
  std::byte* to = y.data();
  for (long long row = 0; row < args.m; ++row) {
    for (long long column = 0; column < args.n; ++column, to += size) {
      const std::int32_t acc = dot(args.x + row * args.ldx, args.w + column * args.ldw, args.k);
      const unsigned bits = finish(acc, args, epilogue, row, column);
      std::memcpy(to, &bits, size);  // little-endian, as the device
    }
  }
  return y;
}

}  // namespace ditune
