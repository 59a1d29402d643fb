// SPDX-License-Identifier: Apache-2.0
// The reference kernels themselves, against plain loops on the host.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "catch.hpp"
#include "gemm.hpp"
#include "gpu_fixture.hpp"
#include "tuner/verify/device_operands.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

template <class T>
std::vector<T> from_device(const void* data, std::size_t count) {
  std::vector<T> values(count);
  if (count > 0) DITUNE_CUDA(cudaMemcpy(values.data(), data, count * sizeof(T), cudaMemcpyDeviceToHost));
  return values;
}

unsigned bits_of(float value) {
  unsigned bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Round to nearest even to a format of `fraction` bits behind the point, by the definition: the exact quotient by the
// unit in the last place, rounded. `least` is the exponent of the smallest normal number.
double rounded(float value, int fraction, int least) {
  if (value == 0) return 0;
  const double unit = std::ldexp(1.0, std::max(std::ilogb(value), least) - fraction);
  return std::nearbyint(value / unit) * unit;
}

// No zeros of either sign, overflows or subnormals are in these tests' outputs but 0.
unsigned bits_of(Output type, float y) {
  if (type == Output::f32) return bits_of(y);
  if (type == Output::bf16) return bits_of(static_cast<float>(rounded(y, 7, -126))) >> 16;
  const double half = rounded(y, 10, -14);
  const unsigned sign = std::signbit(y) ? 0x8000u : 0u;
  const double magnitude = std::abs(half);
  if (magnitude < std::ldexp(1.0, -14)) return sign | static_cast<unsigned>(std::ldexp(magnitude, 24));
  const int exponent = std::ilogb(magnitude);
  return sign | (static_cast<unsigned>(exponent + 15) << 10 |
                 static_cast<unsigned>(std::ldexp(std::ldexp(magnitude, -exponent) - 1, 10)));
}

float bias_value(const FusedGemmArgs& args, Bias type, long long column) {
  if (type == Bias::f32) return from_device<float>(static_cast<const float*>(args.bias) + column, 1)[0];
  const unsigned half = from_device<unsigned short>(static_cast<const unsigned short*>(args.bias) + column, 1)[0];
  if (type == Bias::bf16) {
    const unsigned bits = half << 16;
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  const int exponent = static_cast<int>(half >> 10 & 31), fraction = static_cast<int>(half & 1023);
  const double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return static_cast<float>(half & 0x8000u ? -magnitude : magnitude);
}

// What the contract says of every output.
std::vector<unsigned> expected_bits(const FusedGemmArgs& args, const Epilogue& epilogue) {
  const auto x = from_device<signed char>(args.x, static_cast<std::size_t>(args.m * args.ldx));
  const auto w = from_device<signed char>(args.w, static_cast<std::size_t>(args.n * args.ldw));
  const bool scaled = epilogue.out != Output::s32;
  const auto sx = from_device<float>(args.sx, !scaled                        ? 0
                                              : epilogue.sx == ScaleX::token ? static_cast<std::size_t>(args.m)
                                                                             : 1);
  const auto sw = from_device<float>(args.sw, !scaled                          ? 0
                                              : epilogue.sw == ScaleW::channel ? static_cast<std::size_t>(args.n)
                                                                               : 1);
  std::vector<unsigned> bits;
  for (long long i = 0; i < args.m; ++i) {
    for (long long j = 0; j < args.n; ++j) {
      int acc = 0;
      for (long long k = 0; k < args.k; ++k)
        acc += x[static_cast<std::size_t>(i * args.ldx + k)] * w[static_cast<std::size_t>(j * args.ldw + k)];
      if (!scaled) {
        bits.push_back(static_cast<unsigned>(acc));
        continue;
      }
      float y = static_cast<float>(acc) * sx[epilogue.sx == ScaleX::token ? static_cast<std::size_t>(i) : 0];
      y = y * sw[epilogue.sw == ScaleW::channel ? static_cast<std::size_t>(j) : 0];
      if (epilogue.bias != Bias::none) y = y + bias_value(args, epilogue.bias, j);
      bits.push_back(bits_of(epilogue.out, y));
    }
  }
  return bits;
}

std::vector<unsigned> device_bits(const void* y, Output type, std::size_t count) {
  if (output_bytes(type) == 4) return from_device<unsigned>(y, count);
  const auto halves = from_device<unsigned short>(y, count);
  return {halves.begin(), halves.end()};
}

}  // namespace

TEST_CASE("gpu: the reference computes the contract, every epilogue") {
  const Stream stream;
  const Gemm problem{67, 35, 130};
  for (const Epilogue& epilogue : all_epilogues()) {
    if (epilogue.op != EpilogueOp::none || epilogue.residual != Residual::none) continue;  // as emulation_test has them
    INFO(format(epilogue));
    const DeviceOperands operands({with(problem, epilogue), packed_strides(problem), 1, {.seed = 3}}, *gpu().kernels,
                                  stream);
    const FusedGemmArgs args = args_of(operands);
    gpu().kernels->run(operands.operation(), args, stream);
    stream.synchronize();
    const auto count = static_cast<std::size_t>(problem.m * problem.n);
    CHECK(device_bits(args.y, epilogue.out, count) == expected_bits(args, epilogue));
  }
}

TEST_CASE("gpu: operands are spread as in real layers, each set its own, the same for the same seed") {
  const Stream stream;
  const Gemm problem{1024, 96, 1040};
  const auto x_of = [&](const DeviceOperands& operands, int set) {
    return from_device<signed char>(args_of(operands, set).x, static_cast<std::size_t>(problem.m * problem.k));
  };
  const auto w_of = [&](const DeviceOperands& operands, int set) {
    return from_device<signed char>(args_of(operands, set).w, static_cast<std::size_t>(problem.n * problem.k));
  };
  const Epilogue epilogue{.bias = Bias::f32};
  const DeviceOperands first({with(problem, epilogue), packed_strides(problem), 2, {.seed = 5}}, *gpu().kernels,
                             stream);
  const DeviceOperands again({with(problem, epilogue), packed_strides(problem), 2, {.seed = 5}}, *gpu().kernels,
                             stream);
  const DeviceOperands other({with(problem, epilogue), packed_strides(problem), 2, {.seed = 6}}, *gpu().kernels,
                             stream);
  const auto x = x_of(first, 0);
  CHECK(std::set<signed char>(x.begin(), x.end()).size() == 256);
  double squares = 0;
  for (const signed char value : x) squares += static_cast<double>(value) * value;
  CHECK(std::sqrt(squares / static_cast<double>(x.size())) == Approx(34).margin(2));
  CHECK(x == x_of(again, 0));
  CHECK(x != x_of(first, 1));
  CHECK(x != x_of(other, 0));
  // W is not X, nor X a little further on.
  const auto w = w_of(first, 0);
  for (std::ptrdiff_t shift = 0; shift <= 64; ++shift) CHECK_FALSE(std::equal(w.begin(), w.end(), x.begin() + shift));

  for (const float scale : from_device<float>(args_of(first).sx, 1024)) {
    CHECK(scale >= std::ldexp(1.0F, -9));
    CHECK(scale < std::ldexp(1.0F, -5));
  }
  const auto bias = from_device<float>(args_of(first).bias, 96);
  CHECK(*std::min_element(bias.begin(), bias.end()) < -4);
  CHECK(*std::max_element(bias.begin(), bias.end()) > 4);
}

TEST_CASE("gpu: the comparison counts mismatches, finds the first and holds NaNs equal") {
  const Stream stream;
  const DeviceBuffer actual(64), expected(64);
  std::vector<unsigned> a(16), b(16);
  for (unsigned i = 0; i < 16; ++i) a[i] = b[i] = bits_of(1.0F + static_cast<float>(i));
  a[3] = 0x7FC00000u;  // one NaN
  b[3] = 0xFFFFFFFFu;  // and another
  const auto compare = [&](long long ldy, long long m, long long n) {
    DITUNE_CUDA(cudaMemcpy(actual.get(), a.data(), 64, cudaMemcpyHostToDevice));
    DITUNE_CUDA(cudaMemcpy(expected.get(), b.data(), 64, cudaMemcpyHostToDevice));
    return gpu().kernels->compare({actual.get(), expected.get(), m, n, ldy, Element::f32, 0xFF, nullptr}, stream);
  };
  CHECK_FALSE(compare(4, 4, 4));
  a[7] ^= 1u;
  a[12] ^= 1u;
  const auto wrong = compare(4, 4, 4);
  REQUIRE(wrong);
  CHECK(wrong->count == 2);
  CHECK(wrong->first == 7);
  a[7] ^= 1u;
  a[12] ^= 1u;
  // Rows of two, four apart: what lies between must be poison.
  for (unsigned i : {2u, 3u, 6u, 7u, 10u, 11u}) a[i] = 0xFFFFFFFFu;
  for (unsigned i = 0; i < 8; ++i) b[i] = a[i / 2 * 4 + i % 2];
  CHECK_FALSE(compare(4, 4, 2));
  a[6] = 0;
  const auto between = compare(4, 4, 2);
  REQUIRE(between);
  CHECK(between->count == 1);
  CHECK(between->first == 6);
}

TEST_CASE("gpu: a byte that is not as the others is found") {
  const Stream stream;
  const DeviceBuffer buffer(1000);
  DITUNE_CUDA(cudaMemset(buffer.get(), 0x5A, 1000));
  CHECK_FALSE(gpu().kernels->check_uniform(buffer.get(), 1000, 0x5A, stream));
  DITUNE_CUDA(cudaMemset(buffer.as<char>() + 998, 0, 2));
  const auto wrong = gpu().kernels->check_uniform(buffer.get(), 1000, 0x5A, stream);
  REQUIRE(wrong);
  CHECK(wrong->count == 2);
  CHECK(wrong->first == 998);
}
