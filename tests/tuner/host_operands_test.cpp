// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/host_operands.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>

#include "catch.hpp"
#include "emulation/numbers.hpp"
#include "gemm.hpp"
#include "generator/gemm_s8/gemm.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

const emulation::Region& find(const std::vector<emulation::Region>& regions, const std::string& name) {
  return *std::ranges::find(regions, name, &emulation::Region::name);
}

const FusedGemmArgs& args_of(const HostOperands& operands) { return std::get<FusedGemmArgs>(operands.arguments()); }

}  // namespace

TEST_CASE("operands are exactly as large as what a kernel may touch, and aligned") {
  const HostOperands operands(Gemm{3, 5, 7, {.sw = ScaleW::tensor, .bias = Bias::f16}},
                              GemmStrides{.x = 9, .w = 8, .y = 6}, {.seed = 1});
  const FusedGemmArgs args = args_of(operands);
  CHECK(args.y == nullptr);
  CHECK(args.ldx == 9);
  CHECK(args.ldw == 8);
  CHECK(args.ldy == 6);
  for (const void* pointer : {static_cast<const void*>(args.x), static_cast<const void*>(args.w),
                              static_cast<const void*>(args.sx), static_cast<const void*>(args.sw), args.bias})
    CHECK(reinterpret_cast<std::uintptr_t>(pointer) % (2 * kPointerAlignment) == kPointerAlignment);
  const auto regions = operands.regions();
  REQUIRE(regions.size() == 5);
  CHECK(find(regions, "x").row_bytes == 7);
  CHECK(find(regions, "x").rows == 3);
  CHECK(find(regions, "x").pitch == 9);
  CHECK(find(regions, "w").rows == 5);
  CHECK(find(regions, "w").pitch == 8);
  CHECK(find(regions, "sx").row_bytes == 12);
  CHECK(find(regions, "sw").row_bytes == 4);
  CHECK(find(regions, "bias").row_bytes == 10);
}

TEST_CASE("there is neither scale nor bias where an epilogue takes none") {
  const HostOperands operands(Gemm{3, 5, 7, {.out = Output::s32}}, packed_strides(Gemm{3, 5, 7}), {.seed = 1});
  CHECK(args_of(operands).sx == nullptr);
  CHECK(args_of(operands).sw == nullptr);
  CHECK(args_of(operands).bias == nullptr);
  CHECK(operands.regions().size() == 2);
}

TEST_CASE("int8 operands have every value, scales both signs and several magnitudes") {
  const Gemm problem{64, 64, 64};
  constexpr std::ptrdiff_t kCount = 64 * 64;
  const HostOperands operands(with(problem, {.bias = Bias::f32}), packed_strides(problem), {.seed = 3});
  const FusedGemmArgs a = args_of(operands);
  CHECK(std::set<int>(a.x, a.x + kCount).size() == 256);
  CHECK(std::set<int>(a.w, a.w + kCount).size() == 256);
  CHECK_FALSE(std::equal(a.x, a.x + kCount, a.w));
  for (const float* floats : {a.sx, a.sw, static_cast<const float*>(a.bias)}) {
    CHECK(std::any_of(floats, floats + 64, [](float v) { return v < 0; }));
    CHECK(std::any_of(floats, floats + 64, [](float v) { return v > 0; }));
    std::set<int> magnitudes;
    std::for_each(floats, floats + 64, [&](float v) { magnitudes.insert(std::ilogb(v)); });
    CHECK(magnitudes.size() >= 6);
  }
}

TEST_CASE("extreme sums are as large as they get, or cancel to what every output type shows") {
  for (const std::int64_t k : {1, 2, 3, 4097, 8192}) {
    const Gemm problem{4, 4, k};
    const HostOperands operands(problem, packed_strides(problem), {3, Values::extreme});
    const FusedGemmArgs a = args_of(operands);
    const auto sum = [&](std::int64_t row, std::int64_t column, std::int64_t end) {
      long long acc = 0;
      for (std::int64_t i = 0; i < end; ++i) acc += a.x[row * k + i] * a.w[column * k + i];
      return acc;
    };
    INFO(k);
    CHECK(sum(2, 1, k) == 16384 * k);
    CHECK(sum(1, 1, k) == -127 * 128 * k);
    CHECK(sum(0, 0, k) != 0);
    CHECK(std::abs(sum(0, 0, k)) < 400);
    if (k < 4096) continue;
    const long long half = sum(0, 0, k / 2);
    CHECK(half > 1 << 24);
    CHECK(sum(3, 2, k) > 1 << 24);
  }
}

TEST_CASE("extreme scales are around 1, and a few are zero or subnormal") {
  const Gemm problem{64, 64, 8};
  const HostOperands operands(problem, packed_strides(problem), {3, Values::extreme});
  for (const float* scales : {args_of(operands).sx, args_of(operands).sw}) {
    CHECK(std::count(scales, scales + 64, 0.0F) == 2);
    CHECK(std::count_if(scales, scales + 64, [](float v) { return std::fpclassify(v) == FP_SUBNORMAL; }) == 4);
    CHECK(std::count_if(scales, scales + 64, [](float v) { return std::abs(v) >= 0.25F && std::abs(v) < 4; }) == 56);
  }
}

TEST_CASE("extreme rows of addends take turns: as any, zeros, one that is no finite number, subnormals") {
  for (const InputType type : {InputType::f32, InputType::bf16, InputType::f16}) {
    const Quantize quantize{.m = 8, .k = 100, .prologue = {.x = type}};
    const HostOperands operands(quantize, packed_strides(quantize), {3, Values::extreme});
    const auto& args = std::get<QuantizeArgs>(operands.arguments());
    const auto value = [&](int row, int column) {
      const auto bits = static_cast<const unsigned short*>(args.x)[row * 100 + column];
      if (type == InputType::f32) return static_cast<const float*>(args.x)[row * 100 + column];
      return type == InputType::bf16 ? emulation::float_of(static_cast<unsigned>(bits) << 16)
                                     : emulation::float_from_f16(bits);
    };
    const auto count = [&](int row, auto predicate) {
      int found = 0;
      for (int column = 0; column < 100; ++column) found += predicate(value(row, column)) ? 1 : 0;
      return found;
    };
    const auto is_large = [](float v) { return std::abs(v) >= 0x1p-4F; };
    CHECK(count(0, is_large) == 100);
    CHECK(count(5, [](float v) { return v == 0; }) == 100);
    CHECK(count(2, [](float v) { return std::isfinite(v); }) == 99);
    CHECK(count(2, is_large) >= 99);
    CHECK(count(7, [](float v) { return v != 0 && std::abs(v) < 0x1p-11F; }) == 100);
  }
}

TEST_CASE("far rows hold values, and nothing lies between them") {
  const Gemm problem{9, 5, 64};
  const HostOperands operands(problem, GemmStrides{.x = 1LL << 31, .w = 1LL << 31, .y = 5}, {.seed = 3});
  const auto regions = operands.regions();
  CHECK(find(regions, "x").pitch == std::size_t{1} << 31);
  std::set<int> values;
  for (std::int64_t row = 0; row < 9; ++row) values.insert(args_of(operands).x[row << 31]);
  CHECK(values.size() > 1);
}

TEST_CASE("a seed gives the same operands again, another one others") {
  const Gemm problem{1, 1, 64};
  const auto bytes = [&](std::uint64_t seed) {
    const HostOperands operands(problem, packed_strides(problem), {.seed = seed});
    return std::vector<int>(args_of(operands).x, args_of(operands).x + 64);
  };
  CHECK(bytes(1) == bytes(1));
  CHECK(bytes(1) != bytes(2));
}
