// SPDX-License-Identifier: Apache-2.0
#include "ditune/config.hpp"

#include <vector>

#include "catch.hpp"
#include "ditune/error.hpp"

using namespace ditune;

TEST_CASE("a config's keys are canonical in print and free in order when read") {
  const KernelConfig config = parse_config("mma_s8:load=8,stages=3,warps=2x4,group=8,tile=128x256x64,staging=shared");
  CHECK(format(config) == "mma_s8:tile=128x256x64,warps=2x4,stages=3,staging=shared,load=8");
  CHECK(family_name(config) == "mma_s8");
}

TEST_CASE("every field of a config makes a difference and is read back") {
  const MmaS8Config base{.tile_m = 128, .tile_n = 256, .tile_k = 64, .warps_m = 2, .warps_n = 4, .stages = 3};
  for (int MmaS8Config::*field :
       {&MmaS8Config::tile_m, &MmaS8Config::tile_n, &MmaS8Config::tile_k, &MmaS8Config::warps_m, &MmaS8Config::warps_n,
        &MmaS8Config::stages, &MmaS8Config::group, &MmaS8Config::split_k, &MmaS8Config::ctas, &MmaS8Config::load}) {
    MmaS8Config changed = base;
    changed.*field = changed.*field == 4 ? 8 : 4;
    INFO(format(changed));
    CHECK_FALSE(changed == base);
    CHECK(std::get<MmaS8Config>(parse_config(format(changed))) == changed);
  }
  MmaS8Config persistent = base;
  persistent.schedule = Schedule::persistent;
  CHECK_FALSE(persistent == base);
  CHECK(std::get<MmaS8Config>(parse_config(format(persistent))) == persistent);
  MmaS8Config staged = base;
  staged.staging = Staging::shared;
  CHECK_FALSE(staged == base);
  CHECK(std::get<MmaS8Config>(parse_config(format(staged))) == staged);
}

TEST_CASE("wgmma_s8's keys are canonical in print and free in order when read") {
  const KernelConfig config = parse_config("wgmma_s8:cluster=1x2,group=8,consumers=pingpong,stages=4,tile=128x192");
  CHECK(format(config) == "wgmma_s8:tile=128x192,stages=4,consumers=pingpong,cluster=1x2");
  CHECK(family_name(config) == "wgmma_s8");
  CHECK_FALSE(config == parse_config("mma_s8:tile=128x192x64,warps=2x4,stages=4"));
  CHECK(format(parse_config("wgmma_s8:launch=dependent,staging=1,group=4,cluster=2x1,decomposition=stream_k,stages=4,"
                            "tile=128x208")) ==
        "wgmma_s8:tile=128x208,stages=4,decomposition=stream_k,cluster=2x1,group=4,staging=1,launch=dependent");
  CHECK(format(parse_config("wgmma_s8:staging=2,launch=serial,stages=4,tile=128x208")) ==
        "wgmma_s8:tile=128x208,stages=4");
}

TEST_CASE("every field of wgmma_s8 makes a difference and is read back") {
  const WgmmaS8Config base{.tile_m = 128, .tile_n = 256, .stages = 3};
  std::vector<WgmmaS8Config> changed;
  for (int WgmmaS8Config::*field :
       {&WgmmaS8Config::tile_m, &WgmmaS8Config::tile_n, &WgmmaS8Config::stages, &WgmmaS8Config::cluster_m,
        &WgmmaS8Config::cluster_n, &WgmmaS8Config::group, &WgmmaS8Config::staging})
    changed.emplace_back(base).*field = 4;
  changed.emplace_back(base).consumers = Consumers::pingpong;
  changed.emplace_back(base).decomposition = Decomposition::stream_k;
  changed.emplace_back(base).launch = Launch::dependent;
  for (const WgmmaS8Config& config : changed) {
    INFO(format(config));
    CHECK_FALSE(config == base);
    CHECK(std::get<WgmmaS8Config>(parse_config(format(config))) == config);
  }
  CHECK(std::get<WgmmaS8Config>(parse_config(format(base))) == base);
}

TEST_CASE("text that is no config is refused") {
  for (const char* text : {"",
                           "mma_s8",
                           "mma_s8:",
                           "mma_s8:tile=128x256x64,warps=2x4",
                           "mma_s8:warps=2x4,stages=3",
                           "mma_s8:tile=128x256x64,stages=3",
                           "mma_s8:tile=128x256x64,warps=2x4,stages=3,",
                           "mma_s8:,tile=128x256x64",
                           "mma_s8:tile=128x256,warps=2x4,stages=3",
                           "mma_s8:tile=128x256x64,warps=2,stages=3",
                           "mma_s8:tile=128x256x64,warps=2x4,stages=0",
                           "mma_s8:tile=128x256x64,warps=0x4,stages=3",
                           "mma_s8:tile=128x256x64,warps=2x4,stages=-3",
                           "mma_s8:tile=128x256x64,warps=2x4,stages=3,stages=3",
                           "mma_s8:tile=128x256x64,warps=2x4,stages=3,swizzle=2",
                           "mma_s8:tile=128x256x64,warps=2x4,stages=3,load=2",
                           "mma_s8:tile=128x256x64,warps=2x4,stages=3,staging=fast",
                           "mma_s8:tile=100000x256x64,warps=2x4,stages=3",
                           "wgmma_s8:",
                           "wgmma_s8:tile=128x256",
                           "wgmma_s8:stages=4",
                           "wgmma_s8:tile=128x256x128,stages=4",
                           "wgmma_s8:tile=128x256,warps=2x4,stages=4",
                           "wgmma_s8:tile=128x256,stages=4,consumers=both",
                           "wgmma_s8:tile=128x256,stages=4,decomposition=split_k",
                           "wgmma_s8:tile=128x256,stages=4,cluster=2",
                           "wgmma_s8:tile=128x256,stages=4,cluster=0x1",
                           "wgmma_s8:tile=128x256,stages=4,group=0",
                           "wgmma_s8:tile=128x256,stages=4,staging=0",
                           "wgmma_s8:tile=128x256,stages=4,staging=-1",
                           "wgmma_s8:tile=128x256,stages=4,staging=shared",
                           "wgmma_s8:tile=128x256,stages=4,staging=1,staging=1",
                           "wgmma_s8:tile=128x256,stages=4,launch=",
                           "wgmma_s8:tile=128x256,stages=4,launch=1",
                           "wgmma_s8:tile=128x256,stages=4,launch=parallel",
                           "wgmma_s8:tile=128x256,stages=4,launch=serial,launch=dependent",
                           "mma_s8:tile=128x256x64,warps=2x4,stages=3,launch=dependent"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_config(text), UsageError);
  }
}

TEST_CASE("a refused config says what to do") {
  CHECK_THROWS_WITH(parse_config("hmma:tile=1x1x1"),
                    "unknown kernel family 'hmma' (use mma_s8, wgmma_s8, registers_s8, staged_s8, passes_s8)");
  CHECK_THROWS_WITH(parse_config("mma_s8:stages=3"),
                    "the config lacks tile (write tile=MxNxK,warps=MxN,stages=S at least)");
  CHECK_THROWS_WITH(parse_config("mma_s8:tile=128x256x64,,warps=2x4,stages=3"),
                    "an entry of the config is empty (leave one comma out)");
  CHECK_THROWS_WITH(parse_config("wgmma_s8:tile=128x256"),
                    "the config lacks stages (write tile=MxN,stages=S at least)");
  CHECK_THROWS_WITH(parse_config("mma_s8:tile=128x256x64,warps=2x4,stages=3,load=2"),
                    "invalid value '2' of load (use 16, 8, 4 or 1)");
  CHECK_THROWS_WITH(parse_config("wgmma_s8:tile=128x256,stages=4,launch=parallel"),
                    "unknown value 'parallel' of launch (use serial, dependent)");
}
