// SPDX-License-Identifier: Apache-2.0
#include "runtime/gemm_s8/plain_gemm.hpp"

#include <cmath>
#include <cstring>

#include "catch.hpp"

using namespace ditune;

namespace {

template <class T>
std::vector<T> run(const FusedGemmArgs& args, const Epilogue& epilogue) {
  const std::vector<std::byte> y = plain_gemm(args, epilogue);
  std::vector<T> values(y.size() / sizeof(T));
  std::memcpy(values.data(), y.data(), y.size());
  return values;
}

}  // namespace

TEST_CASE("sums, scales and bias of a problem worked out by hand") {
  // Rows are one element apart in X and W: what lies between is not read.
  const signed char x[] = {1, 2, 3, 99, -128, -128, 127}, w[] = {1, 1, 1, 99, -128, 127, 0};
  const float sx[] = {0.5f, 2.0f}, sw[] = {4.0f, -1.0f}, bias[] = {10.0f, 0.25f};
  const unsigned short bf16_bias[] = {0x4120, 0x3e80}, f16_bias[] = {0x4900, 0x3400};  // the same
  FusedGemmArgs args = {};
  args.x = x;
  args.w = w;
  args.sx = sx;
  args.sw = sw;
  args.m = args.n = 2;
  args.k = 3;
  args.ldx = args.ldw = 4;
  CHECK(run<int>(args, {.out = Output::s32}) == std::vector{6, 126, -129, 128});
  CHECK(run<float>(args, {.out = Output::f32}) == std::vector{12.0f, -63.0f, -1032.0f, -256.0f});
  CHECK(run<float>(args, {.sx = ScaleX::tensor, .sw = ScaleW::tensor, .out = Output::f32}) ==
        std::vector{12.0f, 252.0f, -258.0f, 256.0f});
  args.bias = bias;
  const std::vector<float> biased = {22.0f, -62.75f, -1022.0f, -255.75f};
  CHECK(run<float>(args, {.bias = Bias::f32, .out = Output::f32}) == biased);
  CHECK(run<unsigned short>(args, {.bias = Bias::f32, .out = Output::bf16}) ==
        std::vector<unsigned short>{0x41b0, 0xc27b, 0xc480, 0xc380});  // -62.75 is exact; -1022 and -255.75 are not
  CHECK(run<unsigned short>(args, {.bias = Bias::f32, .out = Output::f16}) ==
        std::vector<unsigned short>{0x4d80, 0xd3d8, 0xe3fc, 0xdbfe});
  args.bias = bf16_bias;
  CHECK(run<float>(args, {.bias = Bias::bf16, .out = Output::f32}) == biased);
  args.bias = f16_bias;
  CHECK(run<float>(args, {.bias = Bias::f16, .out = Output::f32}) == biased);
}

TEST_CASE("every operation rounds, in the contract's order") {
  const signed char x[] = {3}, w[] = {1};
  float sx = 0x1.000002p0f, sw = 0x1.000006p0f, bias = 0;
  FusedGemmArgs args = {};
  args.x = x;
  args.w = w;
  args.sx = &sx;
  args.sw = &sw;
  args.bias = &bias;
  args.m = args.n = args.k = args.ldx = args.ldw = 1;
  CHECK(run<float>(args, {.out = Output::f32}) == std::vector{0x1.80000ep1f});  // the other two orders: 0x1.80000cp1
  // The product rounds to -bias; what is cut off must not come back.
  const float scaled = 3 * sx;
  bias = -(scaled * sw);
  REQUIRE(std::fma(scaled, sw, bias) != 0);
  CHECK(run<float>(args, {.bias = Bias::f32, .out = Output::f32}) == std::vector{0.0f});
}
