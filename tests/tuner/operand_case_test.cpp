// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/operand_case.hpp"

#include "catch.hpp"
#include "ditune/config.hpp"
#include "generator/gemm_s8/gemm.hpp"

using namespace ditune;

namespace {

constexpr Gemm kProblem{40, 70, 100};

GemmStrides named(const Strides& strides) { return {strides.of[0], strides.of[1], strides.of[2]}; }

GemmStrides strides(OperandCase which, const Gemm& problem = kProblem, const GemmStrides& multiples = {1, 1, 1}) {
  return named(strides_of(which, problem, multiples));
}

}  // namespace

TEST_CASE("plain and extreme operands have no gaps") {
  CHECK(Strides(strides(OperandCase::plain)) == packed_strides(kProblem));
  CHECK(Strides(strides(OperandCase::extreme)) == packed_strides(kProblem));
  CHECK(values_of(OperandCase::extreme) == Values::extreme);
  CHECK(values_of(OperandCase::far) == Values::random);
}

TEST_CASE("padded rows begin at multiples of 16, and all pitches differ from each other and from rows") {
  for (const Gemm& problem : {kProblem, Gemm{1, 1, 1}, Gemm{64, 64, 64}}) {
    const GemmStrides s = strides(OperandCase::padded, problem);
    CHECK(s.x % 16 + s.w % 16 + s.y % 16 == 0);
    CHECK(s.x > problem.k);
    CHECK(s.w > s.x);
    CHECK(s.y > problem.n);
  }
}

TEST_CASE("an output that may be an input is it where rows have no gaps, and is apart from it in padded and odd rows") {
  const Quantize quantize{.m = 3, .k = 40, .prologue = {.residual = Branch::add}};
  const Strides multiples = stride_multiples(parse_config("registers_s8:threads=32,octets=1"), quantize);
  const auto are_same = [&](OperandCase which) {
    const Strides of = strides_of(which, quantize, multiples);
    return of.of[0] == of.of[3];  // x and h
  };
  CHECK(are_same(OperandCase::plain));
  CHECK_FALSE(are_same(OperandCase::padded));
  CHECK_FALSE(are_same(OperandCase::odd));
  CHECK(are_same(OperandCase::extreme));
}

TEST_CASE("odd rows are aligned to what the config needs and to no more") {
  CHECK(Strides(strides(OperandCase::odd)) == GemmStrides{101, 103, 75});
  CHECK(Strides(strides(OperandCase::odd, {40, 71, 99})) == GemmStrides{101, 103, 77});
  CHECK(Strides(strides(OperandCase::odd, {40, 72, 112}, {16, 16, 8})) == GemmStrides{144, 176, 120});
  CHECK(strides(OperandCase::odd, {40, 72, 128}, {16, 16, 8}).x == 144);
}

TEST_CASE("offsets of far rows do not fit 32 bits, be they of a tile's rows alone") {
  const GemmStrides s = strides(OperandCase::far);
  CHECK(s.x == kMaxExtent - 15);
  CHECK(s.w * 2 > kMaxExtent);
  CHECK(s.y == s.x);
  const GemmStrides many = strides(OperandCase::far, {512, 512, 4608});
  CHECK(many.x * 32 > kMaxExtent);
  CHECK(many.x % 32 == 16);  // no power of two
  const GemmStrides on_gpu =
      named(strides_of(OperandCase::far, Gemm{6144, 13824, 4608}, {}, {1LL << 33, (1LL << 29) - 16}));
  CHECK(on_gpu.x * 3073 > kMaxExtent);
  CHECK(on_gpu.w > 4608);
}

TEST_CASE("a pitch stays legal at the end of N's range") {
  for (const OperandCase which : kOperandCases) CHECK(strides(which, {1, kMaxExtent, 1}).y <= kMaxExtent);
}

TEST_CASE("the multiples are those of the config and its output") {
  const KernelConfig mma = parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3,load=4");
  CHECK(stride_multiples(mma, kProblem) == GemmStrides{4, 4, 1});
  const KernelConfig wgmma = parse_config("wgmma_s8:tile=128x64,stages=3");
  CHECK(stride_multiples(wgmma, Gemm{40, 70, 100, {.out = Output::f32}}) == GemmStrides{16, 16, 4});
}

TEST_CASE("the plain case runs in the order of its seed, each other case in another") {
  CHECK(schedule_of(OperandCase::plain, 7) == 7);
  CHECK(schedule_of(OperandCase::padded, 7) != schedule_of(OperandCase::odd, 7));
}
