// SPDX-License-Identifier: Apache-2.0
// The kernel as it is emitted for the GPU, run on the CPU against a plain loop.
#include "mma_s8.cuh"

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
};

struct Operands {
  std::vector<std::int8_t> x, w;
  std::vector<float> sx, sw, bias;
  std::vector<unsigned short> half_bias;  // positive normal numbers in bf16 as in fp16

  Operands(const Problem& p, unsigned seed)
      : x(static_cast<std::size_t>(p.m * p.k)),
        w(static_cast<std::size_t>(p.n * p.k)),
        sx(static_cast<std::size_t>(p.m) + 3),
        sw(static_cast<std::size_t>(p.n) + 3),
        bias(static_cast<std::size_t>(p.n) + 3) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> integers(-128, 127);
    std::uniform_real_distribution<float> reals(1e-4f, 1e-2f);
    for (auto& v : x) v = static_cast<std::int8_t>(integers(random));
    for (auto& v : w) v = static_cast<std::int8_t>(integers(random));
    for (auto* floats : {&sx, &sw, &bias}) {
      for (auto& v : *floats) v = reals(random);
    }
    std::uniform_int_distribution<unsigned short> halves(0x3000, 0x4400);
    for (std::size_t i = 0; i < bias.size(); ++i) half_bias.push_back(halves(random));
  }
};

// 16-byte aligned storage of Y or of the workspace.
struct Buffer {
  std::vector<Vec16> storage;
  Buffer(std::size_t bytes, unsigned fill) : storage((bytes + 15) / 16, Vec16{{fill, fill, fill, fill}}) {}
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(storage.data());
  }
};

template <class T>
emulation::Region input(const char* name, const std::vector<T>& values) {
  return {.name = name, .data = const_cast<T*>(values.data()), .row_bytes = values.size() * sizeof(T)};
}

int accumulate(const Operands& o, const Problem& p, long long row, long long column) {
  int acc = 0;
  for (long long k = 0; k < p.k; ++k) {
    acc += o.x[static_cast<std::size_t>(row * p.k + k)] * o.w[static_cast<std::size_t>(column * p.k + k)];
  }
  return acc;
}

// One output's bits, as the numerics contract has it.
template <Epilogue epilogue>
unsigned expected(const Operands& o, const Problem& p, long long row, long long column) {
  const int acc = accumulate(o, p, row, column);
  if (epilogue.out == Output::s32) return static_cast<unsigned>(acc);
  const float sx = o.sx[static_cast<std::size_t>(epilogue.sx == ScaleX::token ? row : 0)];
  const float sw = o.sw[static_cast<std::size_t>(epilogue.sw == ScaleW::channel ? column : 0)];
  float y = static_cast<float>(acc) * sx * sw;
  if (epilogue.bias == Bias::f32) y = y + o.bias[static_cast<std::size_t>(column)];
  if (epilogue.bias == Bias::bf16)
    y = y + float_from_bits(unsigned{o.half_bias[static_cast<std::size_t>(column)]} << 16);
  if (epilogue.bias == Bias::f16) y = y + float_from_f16(o.half_bias[static_cast<std::size_t>(column)]);
  if (epilogue.out == Output::f32) return float_bits(y);
  return (epilogue.out == Output::bf16 ? pack_bf16(y, 0) : pack_f16(y, 0)) & 0xffff;
}

// Outputs that differ from the plain loop's, plus rows behind Y and words of the workspace that are not as they were.
template <MmaS8Config config, Epilogue epilogue>
long long mismatches(const Problem& p) {
  const Operands o(p, 17);
  const LaunchPlan plan = launch_plan(config, epilogue, p.m, p.n, 3);
  const long long ldy = p.n + 5;  // columns behind Y belong to somebody else
  const int bytes = output_bytes(epilogue.out);
  Buffer y(static_cast<std::size_t>(p.m * ldy * bytes), 0xcdcdcdcd);
  Buffer workspace(static_cast<std::size_t>(plan.workspace_bytes), 0);
  const GemmArgs args{.x = o.x.data(),
                      .w = o.w.data(),
                      .y = y.as<void>(),
                      .sx = epilogue.out == Output::s32 ? nullptr : o.sx.data(),
                      .sw = epilogue.out == Output::s32 ? nullptr : o.sw.data(),
                      .bias = epilogue.bias == Bias::f32 ? static_cast<const void*>(o.bias.data()) : o.half_bias.data(),
                      .workspace = workspace.as<void>(),
                      .m = p.m,
                      .n = p.n,
                      .k = p.k,
                      .ldx = p.k,
                      .ldw = p.k,
                      .ldy = ldy};
  const auto size = [](long long n) { return static_cast<std::size_t>(n); };
  const std::vector<emulation::Region> memory = {input("x", o.x),
                                                 input("w", o.w),
                                                 input("sx", o.sx),
                                                 input("sw", o.sw),
                                                 input("bias", o.bias),
                                                 input("bias", o.half_bias),
                                                 {.name = "y",
                                                  .data = args.y,
                                                  .row_bytes = size(p.n * bytes),
                                                  .rows = size(p.m),
                                                  .pitch = size(ldy * bytes),
                                                  .use = emulation::Use::output},
                                                 {.name = "workspace",
                                                  .data = args.workspace,
                                                  .row_bytes = size(plan.workspace_bytes),
                                                  .use = emulation::Use::scratch}};
  const emulation::Launch launch{.kernel = "mma_s8",
                                 .grid = static_cast<int>(plan.grid),
                                 .block = plan.block,
                                 .shared_bytes = size(plan.shared_bytes),
                                 .shared_limit = size(plan.shared_bytes),
                                 .seed = 3};
  const emulation::Report report = emulation::emulate(
      launch, memory, [&] { mma_s8<config, epilogue>(args); }, emulation::running());
  INFO(report.fault);
  CHECK(report.fault.empty());
  long long wrong = 0;
  for (long long row = 0; row < p.m; ++row) {
    for (long long column = 0; column < ldy; ++column) {
      unsigned bits = 0;
      std::memcpy(&bits, y.as<char>() + (row * ldy + column) * bytes, static_cast<std::size_t>(bytes));
      const unsigned poison = bytes == 4 ? 0xcdcdcdcd : 0xcdcd;
      wrong += bits != (column < p.n ? expected<epilogue>(o, p, row, column) : poison);
    }
  }
  for (const Vec16& words : workspace.storage)
    wrong += (words.word[0] | words.word[1] | words.word[2] | words.word[3]) != 0;
  return wrong;
}

constexpr MmaS8Config kSmall{.tile_m = 32, .tile_n = 64, .tile_k = 64, .warps_m = 1, .warps_n = 2, .stages = 3};

constexpr MmaS8Config with(MmaS8Config config, auto change) {
  change(config);
  return config;
}

}  // namespace

TEST_CASE("mma_s8 gives the plain loop's bits") {
  constexpr Epilogue kDefault{};
  for (const Problem& p : {Problem{1, 1, 16}, Problem{17, 8, 48}, Problem{40, 72, 272}, Problem{64, 128, 128}}) {
    CAPTURE(p.m, p.n, p.k);
    CHECK(mismatches<kSmall, kDefault>(p) == 0);
  }
}

TEST_CASE("mma_s8 splits K exactly and leaves the workspace zero") {
  constexpr MmaS8Config kSplit = with(kSmall, [](MmaS8Config& c) { c.split_k = 3; });
  CHECK(mismatches<kSplit, Epilogue{}>({33, 70, 400}) == 0);
  CHECK(mismatches<kSplit, Epilogue{.out = Output::s32}>({33, 70, 64}) == 0);  // fewer blocks of K than parts
}

TEST_CASE("persistent CTAs of mma_s8 walk all tiles") {
  constexpr MmaS8Config kPersistent = with(kSmall, [](MmaS8Config& c) { c.schedule = Schedule::persistent; });
  constexpr MmaS8Config kStaged = with(kPersistent, [](MmaS8Config& c) { c.staging = Staging::shared; });
  for (const Problem& p : {Problem{100, 200, 80}, Problem{20, 30, 32}}) {
    CHECK(mismatches<kPersistent, Epilogue{}>(p) == 0);
    CHECK(mismatches<kStaged, Epilogue{}>(p) == 0);
  }
}

TEST_CASE("mma_s8 loads rows at any alignment") {
  constexpr MmaS8Config k8 = with(kSmall, [](MmaS8Config& c) { c.load = 8; });
  constexpr MmaS8Config k4 = with(kSmall, [](MmaS8Config& c) { c.load = 4; });
  constexpr MmaS8Config k1 = with(kSmall, [](MmaS8Config& c) { c.load = 1; });
  CHECK(mismatches<k8, Epilogue{}>({33, 66, 136}) == 0);
  CHECK(mismatches<k4, Epilogue{}>({33, 66, 100}) == 0);
  CHECK(mismatches<k1, Epilogue{}>({33, 66, 101}) == 0);
  CHECK(mismatches<k1, Epilogue{}>({1, 1, 1}) == 0);
}

TEST_CASE("every output type and scale granularity of mma_s8") {
  constexpr MmaS8Config kStaged = with(kSmall, [](MmaS8Config& c) { c.staging = Staging::shared; });
  const Problem p{35, 67, 80};
  CHECK(mismatches<kSmall, Epilogue{.sx = ScaleX::tensor, .bias = Bias::f32}>(p) == 0);
  CHECK(mismatches<kSmall, Epilogue{.sw = ScaleW::tensor, .out = Output::f16}>(p) == 0);
  CHECK(mismatches<kSmall, Epilogue{.bias = Bias::f32, .out = Output::f32}>(p) == 0);
  CHECK(mismatches<kSmall, Epilogue{.out = Output::s32}>(p) == 0);
  CHECK(mismatches<kSmall, Epilogue{.bias = Bias::bf16}>(p) == 0);
  CHECK(mismatches<kSmall, Epilogue{.bias = Bias::f16, .out = Output::f16}>(p) == 0);
  CHECK(mismatches<kStaged, Epilogue{.bias = Bias::f32}>(p) == 0);
  CHECK(mismatches<kStaged, Epilogue{.out = Output::f32}>(p) == 0);
  CHECK(mismatches<kStaged, Epilogue{.out = Output::s32}>(p) == 0);
}

TEST_CASE("warp tiles that are no multiple of 32 columns") {
  constexpr MmaS8Config kNarrow{.tile_m = 32, .tile_n = 96, .tile_k = 64, .warps_m = 1, .warps_n = 2, .stages = 2};
  constexpr MmaS8Config kDeep{.tile_m = 64, .tile_n = 32, .tile_k = 256, .warps_m = 4, .warps_n = 1, .stages = 2};
  CHECK(mismatches<kNarrow, Epilogue{}>({20, 100, 144}) == 0);
  CHECK(mismatches<kDeep, Epilogue{}>({70, 40, 528}) == 0);
}
