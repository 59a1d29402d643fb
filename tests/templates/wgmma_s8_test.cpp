// SPDX-License-Identifier: Apache-2.0
// The kernel as it is emitted for the GPU, run on the CPU against a plain loop.
// A kernel leaves unset what its epilogue does not use.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include "wgmma_s8.cuh"

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "catch.hpp"
#include "emulation/emulate.hpp"

using namespace ditune;

namespace {

struct Problem {
  long long m, n, k;
  int sms = 2;  // how many CTAs there are at most
};

// Of one problem, each 16-byte aligned.
struct Operands {
  std::vector<std::int8_t> x, w;
  std::vector<float> sx, sw, bias;
  std::vector<unsigned short> half_bias;  // positive normal numbers in bf16 as in fp16
  std::vector<int> product;

  explicit Operands(const Problem& p)
      : x(size(p.m * p.k)),
        w(size(p.n * p.k)),
        sx(size(p.m)),
        sw(size(p.n)),
        bias(size(p.n)),
        product(size(p.m * p.n)) {
    std::mt19937 random(17);
    std::uniform_int_distribution<int> integers(-128, 127);
    std::uniform_real_distribution<float> reals(1e-4f, 1e-2f);
    for (auto* of : {&x, &w})
      for (auto& v : *of) v = static_cast<std::int8_t>(integers(random));
    for (auto* floats : {&sx, &sw, &bias})
      for (auto& v : *floats) v = reals(random);
    std::uniform_int_distribution<unsigned short> halves(0x3000, 0x4400);
    for (std::size_t i = 0; i < bias.size(); ++i) half_bias.push_back(halves(random));
    for (long long row = 0; row < p.m; ++row)
      for (long long column = 0; column < p.n; ++column)
        for (long long k = 0; k < p.k; ++k)
          product[size(row * p.n + column)] += x[size(row * p.k + k)] * w[size(column * p.k + k)];
  }
  static std::size_t size(long long n) { return static_cast<std::size_t>(n); }
};

// One output's bits, as the numerics contract has it.
template <Epilogue epilogue>
unsigned expected(const Operands& o, const Problem& p, long long row, long long column) {
  const int acc = o.product[o.size(row * p.n + column)];
  if (epilogue.out == Output::s32) return static_cast<unsigned>(acc);
  float y = static_cast<float>(acc) * o.sx[o.size(epilogue.sx == ScaleX::token ? row : 0)];
  y = y * o.sw[o.size(epilogue.sw == ScaleW::channel ? column : 0)];
  if (epilogue.bias == Bias::f32) y = y + o.bias[o.size(column)];
  if (epilogue.bias == Bias::bf16) y = y + float_from_bits(unsigned{o.half_bias[o.size(column)]} << 16);
  if (epilogue.bias == Bias::f16) y = y + float_from_f16(o.half_bias[o.size(column)]);
  if (epilogue.out == Output::f32) return float_bits(y);
  return (epilogue.out == Output::bf16 ? pack_bf16(y, 0) : pack_f16(y, 0)) & 0xffff;
}

TensorMap encoded(const TensorMapSpec& spec) {
  TensorMap map{};
  std::memcpy(&map, &spec, sizeof(spec));
  return map;
}

emulation::Region input(const char* name, const auto& values) {
  return {.name = name,
          .data = const_cast<void*>(static_cast<const void*>(values.data())),
          .row_bytes = values.size() * sizeof(values[0])};
}

struct Outcome {
  long long wrong = 0;      // outputs that differ from the plain loop's, and elements behind the rows of Y that changed
  long long box_bytes = 0;  // of X and W that were loaded
};

template <WgmmaS8Config config, Epilogue epilogue>
Outcome run(const Problem& p, std::uint64_t seed) {
  const Operands o(p);
  const LaunchPlan plan = launch_plan(config, epilogue, p.m, p.n, p.sms);
  const int bytes = output_bytes(epilogue.out);
  const long long ldy = p.n + 16;  // columns behind Y belong to somebody else
  std::vector<Vec16> y(o.size(p.m * ldy * bytes / 16), Vec16{{0xcdcdcdcd, 0xcdcdcdcd, 0xcdcdcdcd, 0xcdcdcdcd}});
  std::vector<Vec16> workspace(o.size((plan.workspace_bytes + 15) / 16), Vec16{});
  TmaGemmArgs args{
      .gemm = {.x = o.x.data(),
               .w = o.w.data(),
               .y = y.data(),
               .sx = o.sx.data(),
               .sw = o.sw.data(),
               .bias = epilogue.bias == Bias::f32 ? static_cast<const void*>(o.bias.data()) : o.half_bias.data(),
               .workspace = workspace.data(),
               .m = p.m,
               .n = p.n,
               .k = p.k,
               .ldx = p.k,
               .ldw = p.k,
               .ldy = ldy},
      .x = {},
      .w = {},
      .y = {}};
  args.x = encoded(x_map(config, args.gemm));
  args.w = encoded(w_map(config, args.gemm));
  args.y = encoded(y_map(config, epilogue, args.gemm));
  const std::vector<emulation::Region> memory = {input("x", o.x),
                                                 input("w", o.w),
                                                 input("sx", o.sx),
                                                 input("sw", o.sw),
                                                 input("bias", o.bias),
                                                 input("bias", o.half_bias),
                                                 {.name = "y",
                                                  .data = y.data(),
                                                  .row_bytes = o.size(p.n * bytes),
                                                  .rows = o.size(p.m),
                                                  .pitch = o.size(ldy * bytes),
                                                  .use = emulation::Use::output},
                                                 {.name = "workspace",
                                                  .data = workspace.data(),
                                                  .row_bytes = o.size(plan.workspace_bytes),
                                                  .use = emulation::Use::scratch}};
  const emulation::Launch launch{.kernel = "wgmma_s8",
                                 .grid = static_cast<int>(plan.grid),
                                 .cluster = plan.cluster,
                                 .block = plan.block,
                                 .dependent = plan.dependent,
                                 .shared_bytes = o.size(plan.shared_bytes),
                                 .shared_limit = 227 * 1024,
                                 .seed = seed,
                                 .resident = static_cast<int>(plan.grid)};
  const emulation::Report report = emulation::emulate(
      launch, memory, [&] { wgmma_s8<config, epilogue>(args); }, emulation::running());
  INFO(report.fault);
  CHECK(report.fault.empty());
  long long wrong = 0;
  for (long long row = 0; row < p.m; ++row) {
    for (long long column = 0; column < ldy; ++column) {
      unsigned bits = 0;
      std::memcpy(&bits, reinterpret_cast<const char*>(y.data()) + (row * ldy + column) * bytes, o.size(bytes));
      const unsigned poison = bytes == 4 ? 0xcdcdcdcd : 0xcdcd;
      wrong += bits != (column < p.n ? expected<epilogue>(o, p, row, column) : poison);
    }
  }
  return {wrong, report.box_bytes};
}

template <WgmmaS8Config config, Epilogue epilogue>
long long mismatches(const Problem& p, std::uint64_t seed) {
  return run<config, epilogue>(p, seed).wrong;
}

template <WgmmaS8Config config, Epilogue epilogue = Epilogue{}>
long long mismatches(const Problem& p) {
  long long wrong = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed) wrong += mismatches<config, epilogue>(p, seed);
  return wrong;
}

constexpr WgmmaS8Config kCooperative{.tile_m = 128, .tile_n = 64, .stages = 3};
constexpr WgmmaS8Config kPingpong{.tile_m = 64, .tile_n = 64, .stages = 3, .consumers = Consumers::pingpong};

constexpr WgmmaS8Config with(WgmmaS8Config config, auto change) {
  change(config);
  return config;
}

}  // namespace

TEST_CASE("wgmma_s8 gives the plain loop's bits, its tiles shared by two warpgroups") {
  CHECK(mismatches<kCooperative>({1, 8, 16}) == 0);
  CHECK(mismatches<kCooperative>({130, 72, 272}) == 0);
  CHECK(mismatches<kCooperative>({128, 64, 1024}) == 0);
  CHECK(mismatches<kCooperative>({300, 200, 400}) == 0);  // eight and more tiles of two CTAs
}

TEST_CASE("wgmma_s8 gives the plain loop's bits, its warpgroups in turns") {
  CHECK(mismatches<kPingpong>({1, 8, 16}) == 0);
  CHECK(mismatches<kPingpong>({70, 136, 528}) == 0);
  CHECK(mismatches<kPingpong>({300, 200, 400}) == 0);
}

TEST_CASE("wgmma_s8 gives the plain loop's bits in clusters") {
  constexpr WgmmaS8Config kTall = with(kCooperative, [](WgmmaS8Config& c) { c.cluster_m = 2; });
  constexpr WgmmaS8Config kWide = with(kCooperative, [](WgmmaS8Config& c) { c.cluster_n = 2; });
  constexpr WgmmaS8Config kTallPingpong = with(kPingpong, [](WgmmaS8Config& c) { c.cluster_m = 2; });
  constexpr WgmmaS8Config kWidePingpong = with(kPingpong, [](WgmmaS8Config& c) { c.cluster_n = 2; });
  CHECK(mismatches<kTall>({1, 8, 16}) == 0);
  CHECK(mismatches<kTall>({400, 72, 528, 4}) == 0);
  CHECK(mismatches<kWide>({130, 200, 528}) == 0);
  CHECK(mismatches<kTallPingpong>({300, 72, 528}) == 0);
  CHECK(mismatches<kWidePingpong>({130, 200, 272, 4}) == 0);
}

TEST_CASE("CTAs of a wgmma_s8 cluster load shared operands once", "[many]") {
  // Eight tiles, five steps of 128 bytes along K: 128 rows of X and 64 of W for each tile and step.
  constexpr Problem kTallProblem{512, 128, 640, 8}, kWideProblem{256, 256, 640, 8};
  constexpr long long kX = 8LL * 5 * 128 * 128, kW = 8LL * 5 * 64 * 128;
  constexpr WgmmaS8Config kTall = with(kCooperative, [](WgmmaS8Config& c) { c.cluster_m = 2; });
  constexpr WgmmaS8Config kWide = with(kCooperative, [](WgmmaS8Config& c) { c.cluster_n = 2; });
  CHECK(run<kCooperative, Epilogue{}>(kTallProblem, 0).box_bytes == kX + kW);
  CHECK(run<kTall, Epilogue{}>(kTallProblem, 0).box_bytes ==
        kX + kW / 2);  // two CTAs below each other have the same columns
  CHECK(run<kWide, Epilogue{}>(kWideProblem, 0).box_bytes == kX / 2 + kW);
  // Tiles of 64 by 64: twice as many of half as many rows of X.
  constexpr WgmmaS8Config kTallTurns = with(kPingpong, [](WgmmaS8Config& c) { c.cluster_m = 2; });
  constexpr WgmmaS8Config kWideTurns = with(kPingpong, [](WgmmaS8Config& c) { c.cluster_n = 2; });
  CHECK(run<kPingpong, Epilogue{}>(kTallProblem, 0).box_bytes == kX + 2 * kW);
  CHECK(run<kTallTurns, Epilogue{}>(kTallProblem, 0).box_bytes == kX + kW);
  CHECK(run<kWideTurns, Epilogue{}>(kWideProblem, 0).box_bytes == kX / 2 + 2 * kW);
}

TEST_CASE("CTAs of wgmma_s8 share the K steps of the last tiles", "[many]") {
  constexpr WgmmaS8Config kShared =
      with(kCooperative, [](WgmmaS8Config& c) { c.decomposition = Decomposition::stream_k; });
  constexpr WgmmaS8Config kCluster = with(kShared, [](WgmmaS8Config& c) { c.cluster_m = 2; });
  CHECK(mismatches<kShared>({130, 72, 528, 3}) == 0);   // four tiles of three CTAs
  CHECK(mismatches<kShared>({1, 8, 656, 4}) == 0);      // one of four
  CHECK(mismatches<kShared>({130, 200, 272, 3}) == 0);  // eight: two of each one's own, two shared
  CHECK(mismatches<kShared>({1, 8, 16, 3}) == 0);       // fewer steps than CTAs
  CHECK(mismatches<kCluster>({300, 72, 528, 6}) == 0);
  // A thread's sums are 18 vectors, which no batch of loads divides.
  constexpr WgmmaS8Config kWide = with(kShared, [](WgmmaS8Config& c) { c.tile_n = 144; });
  CHECK(mismatches<kWide>({130, 152, 528, 3}) == 0);
  CHECK(mismatches<kWide, Epilogue{.out = Output::s32}>({1, 8, 656, 4}) == 0);
}

TEST_CASE("wgmma_s8 gives the plain loop's bits in tiles of any 16 columns, whose rows of Y are boxes of fewer bytes",
          "[many]") {
  constexpr WgmmaS8Config k48 = with(kCooperative, [](WgmmaS8Config& c) { c.tile_n = 48; });
  constexpr WgmmaS8Config k80 = with(kPingpong, [](WgmmaS8Config& c) { c.tile_n = 80; });
  constexpr WgmmaS8Config k144 = with(kCooperative, [](WgmmaS8Config& c) { c.tile_n = 144; });
  constexpr WgmmaS8Config k224 = with(kPingpong, [](WgmmaS8Config& c) { c.tile_n = 224; });
  static_assert(y_box_bytes(k48, {.out = Output::bf16}) == 32 && y_box_bytes(k48, {.out = Output::f32}) == 64);
  static_assert(y_box_bytes(k80, {.out = Output::bf16}) == 32 && y_box_bytes(k224, {.out = Output::f16}) == 64);
  const Problem p{200, 264, 272};  // ragged: 24, 24, 120 and 40 columns of the last tile
  CHECK(mismatches<k48, Epilogue{.bias = Bias::bf16}>(p) == 0);
  CHECK(mismatches<k48, Epilogue{.out = Output::f32}>(p) == 0);
  CHECK(mismatches<k48, Epilogue{.out = Output::s32}>({130, 8, 144}) == 0);
  CHECK(mismatches<k80>(p) == 0);
  CHECK(mismatches<k80, Epilogue{.bias = Bias::f32, .out = Output::f32}>(p) == 0);
  CHECK(mismatches<k144, Epilogue{.out = Output::f16}>(p) == 0);
  CHECK(mismatches<k144, Epilogue{.out = Output::s32}>({1, 152, 400}) == 0);
  CHECK(mismatches<k224, Epilogue{.bias = Bias::f16, .out = Output::f16}>(p) == 0);
  CHECK(mismatches<k224, Epilogue{.out = Output::f32}>({70, 456, 272}) == 0);
}

TEST_CASE("wgmma_s8 gives the plain loop's bits with one box of staging, and where its launch is dependent", "[many]") {
  constexpr auto kOneBox = [](WgmmaS8Config& c) { c.staging = 1; };
  constexpr auto kDependent = [](WgmmaS8Config& c) { c.launch = Launch::dependent; };
  constexpr WgmmaS8Config kStaged = with(kCooperative, kOneBox), kStagedTurns = with(kPingpong, kOneBox);
  constexpr WgmmaS8Config kLate = with(kCooperative, kDependent), kLateTurns = with(kPingpong, kDependent);
  constexpr WgmmaS8Config kBoth = with(with(kStagedTurns, kDependent), [](WgmmaS8Config& c) { c.tile_n = 144; });
  constexpr WgmmaS8Config kLatePair = with(kLate, [](WgmmaS8Config& c) { c.cluster_m = 2; });
  constexpr WgmmaS8Config kLateParts = with(kLate, [](WgmmaS8Config& c) { c.decomposition = Decomposition::stream_k; });
  static_assert(shared_bytes(kCooperative, {}) - shared_bytes(kStaged, {}) == 2 * kStagingBytes);
  CHECK(mismatches<kStaged>({300, 200, 272}) == 0);
  CHECK(mismatches<kStaged, Epilogue{.out = Output::f32}>({130, 72, 144}) == 0);
  CHECK(mismatches<kStagedTurns, Epilogue{.out = Output::s32}>({130, 136, 272}) == 0);
  CHECK(mismatches<kLate, Epilogue{.bias = Bias::f32}>({300, 200, 272}) == 0);
  CHECK(mismatches<kLate, Epilogue{.sx = ScaleX::tensor, .sw = ScaleW::tensor}>({130, 72, 144}) == 0);
  CHECK(mismatches<kLateTurns, Epilogue{.out = Output::f32}>({300, 136, 272}) == 0);
  CHECK(mismatches<kBoth, Epilogue{.bias = Bias::bf16}>({200, 264, 272}) == 0);
  CHECK(mismatches<kLatePair>({400, 72, 272, 4}) == 0);
  CHECK(mismatches<kLateParts>({130, 200, 272, 3}) == 0);
}

TEST_CASE("every way that a kernel of wgmma_s8 can take is taken once") {
  constexpr WgmmaS8Config kShared =
      with(kCooperative, [](WgmmaS8Config& c) { c.decomposition = Decomposition::stream_k; });
  constexpr WgmmaS8Config kOneBox = with(kPingpong, [](WgmmaS8Config& c) { c.staging = 1, c.tile_n = 48; });
  constexpr WgmmaS8Config kLate = with(kPingpong, [](WgmmaS8Config& c) { c.launch = Launch::dependent; });
  CHECK(mismatches<kShared, Epilogue{}>({130, 72, 272, 3}, 0) == 0);
  CHECK(mismatches<kOneBox, Epilogue{.bias = Bias::bf16}>({70, 56, 144}, 0) == 0);
  CHECK(mismatches<kLate, Epilogue{.out = Output::f32}>({70, 72, 144}, 0) == 0);
}

TEST_CASE("every output type and scale granularity of wgmma_s8") {
  const Problem p{130, 72, 160};
  CHECK(mismatches<kCooperative, Epilogue{.sx = ScaleX::tensor, .bias = Bias::f32}>(p) == 0);
  CHECK(mismatches<kCooperative, Epilogue{.sw = ScaleW::tensor, .out = Output::f16}>(p) == 0);
  CHECK(mismatches<kCooperative, Epilogue{.bias = Bias::f32, .out = Output::f32}>(p) == 0);
  CHECK(mismatches<kCooperative, Epilogue{.out = Output::s32}>(p) == 0);
  CHECK(mismatches<kCooperative, Epilogue{.bias = Bias::bf16}>(p) == 0);
  CHECK(mismatches<kPingpong, Epilogue{.bias = Bias::f16, .out = Output::f16}>(p) == 0);
  CHECK(mismatches<kPingpong, Epilogue{.out = Output::f32}>(p) == 0);
  CHECK(mismatches<kPingpong, Epilogue{.out = Output::s32}>(p) == 0);
}

TEST_CASE("the tiles of wgmma_s8 that are fastest") {
  constexpr WgmmaS8Config kLarge{.tile_m = 128, .tile_n = 256, .stages = 4};
  constexpr WgmmaS8Config kTall{.tile_m = 256, .tile_n = 128, .stages = 4};
  constexpr WgmmaS8Config kTurns{.tile_m = 128, .tile_n = 128, .stages = 4, .consumers = Consumers::pingpong};
  CHECK(mismatches<kLarge, Epilogue{}>({200, 264, 656}, 5) == 0);
  CHECK(mismatches<kTall, Epilogue{}>({300, 136, 656}, 5) == 0);
  CHECK(mismatches<kTurns, Epilogue{}>({300, 264, 656}, 5) == 0);
}

TEST_CASE("a tile at the end of 2^31 rows knows the gate that serves all of its rows") {
  constexpr WgmmaS8Config kConfig{.tile_m = 128, .tile_n = 64, .stages = 2};
  GemmArgs gemm{};
  gemm.m = 0x7fffffff;
  ResidualArgs residual{};
  residual.rows_per_gate = gemm.m;
  CHECK(gate_of_tile<kConfig, Gate::table>(gemm, residual, {0x7fffff80, 0}) == 0);
  residual.rows_per_gate = 0x7fffff90;
  CHECK(gate_of_tile<kConfig, Gate::table>(gemm, residual, {0x7fffff80, 0}) == -1);
  CHECK(gate_of_tile<kConfig, Gate::table>(gemm, residual, {0x7fffff00, 0}) == 0);
}
