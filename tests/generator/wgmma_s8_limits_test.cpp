// SPDX-License-Identifier: Apache-2.0
#include "catch.hpp"
#include "ditune/error.hpp"
#include "gemm.hpp"
#include "generator/search_space.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

Target target(const char* problem, const char* device = "H100", Output out = Output::bf16) {
  return {.operation = with(parse_shape(problem), Epilogue{.out = out}), .device = find_device(device)};
}

// The constraint that refuses the config, or "".
std::string refused_by(const KernelConfig& config, const Target& t) {
  const auto rejection = refusal(config, t);
  if (rejection) CHECK_FALSE(rejection->reason.empty());
  return rejection ? rejection->constraint : "";
}

std::string refused_by(const char* config, const Target& t = target("4352x13824x4608")) {
  return refused_by(parse_config(config), t);
}

}  // namespace

TEST_CASE("good configs of wgmma_s8 are not refused") {
  for (const char* config :
       {"wgmma_s8:tile=128x256,stages=4,cluster=2x1", "wgmma_s8:tile=256x128,stages=4,cluster=1x2",
        "wgmma_s8:tile=256x192,stages=3,group=16", "wgmma_s8:tile=128x192,stages=4,consumers=pingpong",
        "wgmma_s8:tile=64x256,stages=4,consumers=pingpong", "wgmma_s8:tile=192x128,stages=4,consumers=pingpong",
        "wgmma_s8:tile=64x144,stages=8,consumers=pingpong,staging=1,launch=dependent",
        "wgmma_s8:tile=256x160,stages=4,staging=1", "wgmma_s8:tile=128x256,stages=4,decomposition=stream_k"}) {
    INFO(config);
    CHECK(refused_by(config) == "");
    CHECK(refused_by(config, target("1x8x16")) == (std::string(config).ends_with("stream_k") ? "decomposition" : ""));
    CHECK(refused_by(config, target("4352x13824x4608", "H200")) == "");
  }
}

TEST_CASE("wgmma_s8 is of sm_90 alone") {
  for (const DeviceInfo& device : known_devices()) {
    INFO(device.name);
    const Target t{.operation = Gemm{4352, 13824, 4608}, .device = device};
    CHECK(refused_by("wgmma_s8:tile=128x256,stages=4", t) == (device.arch == SmArch{90} ? "" : "arch"));
  }
}

TEST_CASE("each limit of wgmma_s8 refuses what it should") {
  CHECK(refused_by("wgmma_s8:tile=128x128,stages=4", target("4352x13824x4600")) == "alignment");
  CHECK(refused_by("wgmma_s8:tile=128x128,stages=4", target("4352x13820x4608")) == "alignment");
  CHECK(refused_by("wgmma_s8:tile=128x128,stages=4", target("4351x13816x4624")) == "");
  CHECK(refused_by("wgmma_s8:tile=384x64,stages=2") == "tile");
  CHECK(refused_by(WgmmaS8Config{}, target("4352x13824x4608")) == "tile");
  CHECK(refused_by("wgmma_s8:tile=64x128,stages=4") == "warpgroup");  // 32 rows each
  CHECK(refused_by("wgmma_s8:tile=192x128,stages=4") == "warpgroup");
  CHECK(refused_by("wgmma_s8:tile=96x128,stages=4,consumers=pingpong") == "warpgroup");
  CHECK(refused_by("wgmma_s8:tile=256x256,stages=3") == "registers");
  CHECK(refused_by("wgmma_s8:tile=128x256,stages=4,consumers=pingpong") == "registers");
  CHECK(refused_by("wgmma_s8:tile=192x192,stages=3,consumers=pingpong") == "registers");
  CHECK(refused_by("wgmma_s8:tile=128x256,stages=4,cluster=2x2") == "cluster");
  CHECK(refused_by("wgmma_s8:tile=128x256,stages=4,cluster=4x1") == "cluster");
  CHECK(refused_by("wgmma_s8:tile=128x256,stages=1") == "stages");
  CHECK(refused_by("wgmma_s8:tile=64x64,stages=17,consumers=pingpong") == "stages");
  CHECK(refused_by("wgmma_s8:tile=128x256,stages=3,staging=3") == "staging");
  CHECK(refused_by(WgmmaS8Config{.tile_m = 128, .tile_n = 256, .stages = 3, .staging = 0}, target("128x256x4608")) ==
        "staging");
  CHECK(refused_by("wgmma_s8:tile=128x256,stages=5") == "shared_memory");
  CHECK(refused_by("wgmma_s8:tile=256x192,stages=4") == "shared_memory");
  CHECK(refused_by("wgmma_s8:tile=128x64,stages=2", target("2147483647x64x64")) == "");
  CHECK(refused_by("wgmma_s8:tile=192x64,stages=2,consumers=pingpong", target("2147483647x64x64")) == "grid");
  CHECK(refused_by("wgmma_s8:tile=128x64,stages=2", target("2147483647x2147483640x64")) == "grid");
  CHECK(refused_by("wgmma_s8:tile=128x192,stages=4,consumers=pingpong,decomposition=stream_k") == "decomposition");
  // 36 K steps in all are too few for 132 CTAs that all wait for one another, and enough for a share of 2 tiles each.
  CHECK(refused_by("wgmma_s8:tile=128x256,stages=4,decomposition=stream_k", target("128x256x4608")) == "decomposition");
  CHECK(refused_by("wgmma_s8:tile=128x256,stages=4,decomposition=stream_k", target("128x1024x4608")) == "");
}

TEST_CASE("a tile is any multiple of 16 columns from 32 to 256 wide, of every output, in every cluster") {
  for (const Output out : {Output::bf16, Output::f16, Output::f32, Output::s32}) {
    const Target t = target("4352x13824x4608", "H100", out);
    for (int tile_n = 0; tile_n <= 512; tile_n += 8) {
      const bool fits = tile_n % 16 == 0 && tile_n >= 32 && tile_n <= 256;
      INFO(tile_n);
      for (const auto& [cluster_m, cluster_n] : {std::pair{1, 1}, {2, 1}, {1, 2}}) {
        const WgmmaS8Config config{
            .tile_m = 128, .tile_n = tile_n, .stages = 4, .cluster_m = cluster_m, .cluster_n = cluster_n};
        CHECK(refused_by(config, t) == (fits ? "" : "tile"));
      }
    }
  }
}

TEST_CASE("one box of staging leaves room for a stage more") {
  for (const char* config : {"wgmma_s8:tile=128x192,stages=5,consumers=pingpong", "wgmma_s8:tile=256x160,stages=4"}) {
    CHECK(refused_by(config) == "shared_memory");
    CHECK(refused_by((std::string(config) + ",staging=1").c_str()) == "");
  }
  CHECK(refused_by("wgmma_s8:tile=128x192,stages=6,consumers=pingpong,staging=1") == "shared_memory");
}

TEST_CASE("refused configs of wgmma_s8 say why in full") {
  CHECK_THROWS_WITH(require_legal(parse_config("wgmma_s8:tile=128x256,stages=4"), target("16x16x16", "RTX 4090")),
                    "wgmma_s8:tile=128x256,stages=4 cannot run 16x16x16 on NVIDIA GeForce RTX 4090: arch: wgmma is an "
                    "instruction of sm_90 alone, not of sm_89 (choose one of those that `ditune space` lists)");
}
