// SPDX-License-Identifier: Apache-2.0
#include "runtime/gemm_s8/plain_gemm.hpp"

#include <cstdint>
#include <cstring>

#include "activation.cuh"
#include "emulation/numbers.hpp"
#include "runtime/with_fma.hpp"

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

float residual_at(const void* array, Residual type, long long at) {
  const Bias same = type == Residual::f32 ? Bias::f32 : type == Residual::bf16 ? Bias::bf16 : Bias::f16;
  return bias_at(array, same, at);
}

// What the scales and the bias make of a sum.
float dequantized(const FusedGemmArgs& args, const Epilogue& epilogue, long long row, long long column,
                  std::int32_t acc) {
  const float sx = args.sx[epilogue.sx == ScaleX::token ? row : 0];
  const float sw = args.sw[epilogue.sw == ScaleW::channel ? column : 0];
  const float y = (static_cast<float>(acc) * sx) * sw;
  return epilogue.bias == Bias::none ? y : y + bias_at(args.bias, epilogue.bias, column);
}

float activated(EpilogueOp op, float y) {
  switch (op) {
    case EpilogueOp::gelu_tanh:
      return gelu_tanh(y);
    case EpilogueOp::gelu_erf:
      return gelu_erf(y);
    case EpilogueOp::silu:
      return silu(y);
    case EpilogueOp::sigmoid:
      return sigmoid(y);
    default:
      return y;
  }
}

float gate_at(const FusedGemmArgs& args, const Epilogue& epilogue, long long row, long long column) {
  long long image = 0;
  if (epilogue.gate == Gate::table) image = row / args.rows_per_gate;
  if (epilogue.gate == Gate::index) image = args.gate_index[row];
  return residual_at(args.g, epilogue.residual, image * args.ldg + column);
}

// An output before it is rounded.
float value(const FusedGemmArgs& args, const Epilogue& epilogue, long long row, long long column,
            const std::int32_t* sums) {
  if (epilogue.op == EpilogueOp::swiglu)
    return silu(dequantized(args, epilogue, row, 2 * column, sums[0])) *
           dequantized(args, epilogue, row, 2 * column + 1, sums[1]);
  float y = dequantized(args, epilogue, row, column, sums[0]);
  if (column >= epilogue.from) y = activated(epilogue.op, y);
  if (epilogue.residual == Residual::none) return y;
  if (epilogue.gate != Gate::none) y = gate_at(args, epilogue, row, column) * y;
  return residual_at(args.r, epilogue.residual, row * args.ldr + column) + y;
}

unsigned output(const FusedGemmArgs& args, const Epilogue& epilogue, long long row, long long column,
                const std::int32_t* sums) {
  switch (epilogue.out) {
    case Output::s32:
      return static_cast<unsigned>(sums[0]);
    case Output::bf16:
      return emulation::bf16_from_float(value(args, epilogue, row, column, sums));
    case Output::f16:
      return emulation::f16_from_float(value(args, epilogue, row, column, sums));
    default:
      return emulation::bits_of(value(args, epilogue, row, column, sums));
  }
}

}  // namespace

unsigned plain_output(const FusedGemmArgs& args, const Epilogue& epilogue, long long row, long long column,
                      const std::int32_t* sums) {
  return with_fma([&] { return output(args, epilogue, row, column, sums); });
}

std::vector<std::byte> plain_gemm(const FusedGemmArgs& args, const Epilogue& epilogue) {
  const auto size = static_cast<std::size_t>(output_bytes(epilogue.out));
  const long long columns = output_columns(epilogue, args.n), width = args.n / columns;
  std::vector<std::byte> y(static_cast<std::size_t>(args.m * columns) * size);
  std::byte* to = y.data();
  for (long long row = 0; row < args.m; ++row) {
    for (long long column = 0; column < columns; ++column, to += size) {
      std::int32_t sums[2] = {};
      for (long long i = 0; i < width; ++i)
        sums[i] = dot(args.x + row * args.ldx, args.w + (column * width + i) * args.ldw, args.k);
      const unsigned bits = plain_output(args, epilogue, row, column, sums);
      std::memcpy(to, &bits, size);  // little-endian, as the device
    }
  }
  return y;
}

}  // namespace ditune
