// SPDX-License-Identifier: Apache-2.0
#include "generator/kernel_parameter.hpp"

#include <cstring>
#include <vector>

#include "catch.hpp"
#include "gemm.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// Distinct values: nothing is dereferenced.
FusedGemmArgs some_args() {
  FusedGemmArgs args{};
  args.x = reinterpret_cast<const signed char*>(0x1000);
  args.w = reinterpret_cast<const signed char*>(0x2000);
  args.y = reinterpret_cast<void*>(0x3000);
  args.m = 300;
  args.n = 1000;
  args.k = 4608;
  args.ldx = 4624;
  args.ldw = 4640;
  args.ldy = 1008;
  return args;
}

// Remembers what it is given; the n-th map is full of n.
struct Encoder {
  std::vector<TensorMapSpec> seen;

  EncodeTensorMap function() {
    return [this](const TensorMapSpec& spec) {
      seen.push_back(spec);
      TensorMap map{};
      for (unsigned long long& word : map.opaque) word = seen.size();
      return map;
    };
  }
};

void check_spec(const TensorMapSpec& spec, const TensorMapSpec& expected) {
  CHECK(spec.base == expected.base);
  CHECK(spec.rows == expected.rows);
  CHECK(spec.columns == expected.columns);
  CHECK(spec.pitch == expected.pitch);
  CHECK(spec.element_bytes == expected.element_bytes);
  CHECK(spec.box_rows == expected.box_rows);
  CHECK(spec.box_bytes == expected.box_bytes);
}

}  // namespace

TEST_CASE("mma_s8 takes the arguments as they are, and no tensor maps") {
  Encoder encoder;
  const GemmArgs args = some_args();
  const KernelParameter parameter = kernel_parameter(parse_config("mma_s8:tile=128x256x128,warps=2x4,stages=3"), {},
                                                     FusedGemmArgs(args), encoder.function());
  REQUIRE(parameter.size == sizeof(GemmArgs));
  CHECK(std::memcmp(parameter.bytes.data(), &args, sizeof(GemmArgs)) == 0);
  CHECK(encoder.seen.empty());
}

TEST_CASE("wgmma_s8 takes the maps of X, W and Y behind the arguments") {
  Encoder encoder;
  const GemmArgs args = some_args();
  const KernelParameter parameter =
      kernel_parameter(parse_config("wgmma_s8:tile=128x256,stages=4"), {}, FusedGemmArgs(args), encoder.function());
  REQUIRE(parameter.size == sizeof(TmaGemmArgs));
  TmaGemmArgs taken;
  std::memcpy(&taken, parameter.bytes.data(), sizeof(taken));
  CHECK(std::memcmp(&taken.gemm, &args, sizeof(GemmArgs)) == 0);
  REQUIRE(encoder.seen.size() == 3);
  const auto encoded = [&](const TensorMap& map) { return encoder.seen.at(map.opaque[0] - 1); };
  check_spec(encoded(taken.x), {args.x, 300, 4608, 4624, 1, 128, 128});
  check_spec(encoded(taken.w), {args.w, 1000, 4608, 4640, 1, 256, 128});
  const TensorMapSpec y = encoded(taken.y);
  check_spec(y, {args.y, 300, 1000, 2016, 2, y.box_rows, 128});
}

TEST_CASE("a pitch of Y may be more bytes than 32 bits hold") {
  Encoder encoder;
  FusedGemmArgs args = some_args();
  args.ldy = 1 << 30;
  kernel_parameter(parse_config("wgmma_s8:tile=128x256,stages=4"), with({}, {.out = Output::f32}), args,
                   encoder.function());
  CHECK(encoder.seen.at(2).pitch == 1LL << 32);
}

TEST_CASE("a tile of any width is whole boxes of output, the widest there are") {
  struct Row {
    int tile_n;
    int bytes_of_2, bytes_of_4;  // of a box's row, by the bytes of an output
  };
  for (const Row& row : {Row{32, 64, 128},
                         {48, 32, 64},
                         {64, 128, 128},
                         {80, 32, 64},
                         {96, 64, 128},
                         {112, 32, 64},
                         {128, 128, 128},
                         {144, 32, 64},
                         {160, 64, 128},
                         {176, 32, 64},
                         {192, 128, 128},
                         {208, 32, 64},
                         {224, 64, 128},
                         {240, 32, 64},
                         {256, 128, 128}}) {
    for (const Output out : {Output::bf16, Output::f16, Output::f32, Output::s32}) {
      Encoder encoder;
      const FusedGemmArgs args = some_args();
      const int bytes = output_bytes(out);
      const WgmmaS8Config config{.tile_m = 128, .tile_n = row.tile_n, .stages = 3};
      INFO(row.tile_n << " of " << bytes << " bytes");
      kernel_parameter(config, with({}, {.out = out}), args, encoder.function());
      REQUIRE(encoder.seen.size() == 3);
      check_spec(encoder.seen[0], {args.x, 300, 4608, 4624, 1, 128, 128});
      check_spec(encoder.seen[1], {args.w, 1000, 4608, 4640, 1, row.tile_n, 128});
      check_spec(encoder.seen[2],
                 {args.y, 300, 1000, 1008 * bytes, bytes, 16, bytes == 2 ? row.bytes_of_2 : row.bytes_of_4});
    }
  }
}

TEST_CASE("a short X is copied in boxes of its rows, in whole groups of eight") {
  const auto rows = [](const char* config, std::int64_t m) {
    Encoder encoder;
    FusedGemmArgs args = some_args();
    args.m = m;
    kernel_parameter(parse_config(config), {}, args, encoder.function());
    return encoder.seen.at(0).box_rows;
  };
  const char* const config = "wgmma_s8:tile=128x64,stages=4";
  CHECK(rows(config, 1) == 8);
  CHECK(rows(config, 17) == 24);
  CHECK(rows(config, 120) == 120);
  CHECK(rows(config, 121) == 128);
  CHECK(rows(config, 4352) == 128);
  CHECK(rows("wgmma_s8:tile=128x64,stages=4,cluster=1x2", 17) == 64);  // a part each
}

TEST_CASE("a CTA of a cluster loads its part of what is shared, and a wide output has wide rows") {
  const auto specs = [](const char* config, Output out) {
    Encoder encoder;
    kernel_parameter(parse_config(config), with({}, {.out = out}), some_args(), encoder.function());
    return encoder.seen;
  };
  for (const TensorMapSpec& spec : specs("wgmma_s8:tile=128x256,stages=4,cluster=2x1", Output::f32)) {
    if (spec.base == some_args().x) CHECK(spec.box_rows == 128);
    if (spec.base == some_args().w) CHECK(spec.box_rows == 128);
    if (spec.base == some_args().y) CHECK((spec.pitch == 4032 && spec.element_bytes == 4));
  }
  for (const TensorMapSpec& spec : specs("wgmma_s8:tile=256x128,stages=4,cluster=1x2", Output::bf16)) {
    if (spec.base == some_args().x) CHECK(spec.box_rows == 128);
    if (spec.base == some_args().w) CHECK(spec.box_rows == 128);
  }
}
