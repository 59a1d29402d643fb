// SPDX-License-Identifier: Apache-2.0
#include "generator/search_space.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "catch.hpp"
#include "ditune/error.hpp"
#include "gemm.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

constexpr MmaS8Config kBig{.tile_m = 128, .tile_n = 256, .tile_k = 128, .warps_m = 2, .warps_n = 4, .stages = 3};

Target target(const char* problem, const char* device = "H100", Epilogue epilogue = {}) {
  return {.operation = with(parse_shape(problem), epilogue), .device = find_device(device)};
}

// The constraint that refuses the config, or "".
std::string refused_by(const MmaS8Config& config, const Target& t) {
  const auto rejection = refusal(config, t);
  if (rejection) CHECK_FALSE(rejection->reason.empty());
  return rejection ? rejection->constraint : "";
}

std::string refused_by(const char* config, const Target& t) {
  return refused_by(std::get<MmaS8Config>(parse_config(config)), t);
}

// The candidates of one family.
template <class Config>
std::vector<Config> enumerate_family(const Target& t) {
  std::vector<Config> configs;
  for (const KernelConfig& config : enumerate(t))
    if (const Config* one = std::get_if<Config>(&config)) configs.push_back(*one);
  return configs;
}

bool contains(const std::vector<KernelConfig>& configs, const char* text) {
  return std::ranges::find(configs, parse_config(text)) != configs.end();
}

}  // namespace

TEST_CASE("a good config is not refused") {
  CHECK(refused_by(kBig, target("6144x13824x4608")) == "");
  CHECK(refused_by("mma_s8:tile=128x128x64,warps=2x2,stages=3", target("6144x13824x4608", "RTX 3090")) == "");
}

TEST_CASE("each limit refuses what it should") {
  const Target big = target("6144x13824x4608");
  CHECK(refused_by("mma_s8:tile=128x128x32,warps=2x2,stages=3", big) == "tile");
  CHECK(refused_by("mma_s8:tile=128x100x64,warps=2x4,stages=3", big) == "warp_tile");
  CHECK(refused_by("mma_s8:tile=128x64x64,warps=2x8,stages=3", big) == "warp_tile");
  CHECK(refused_by("mma_s8:tile=256x256x64,warps=8x8,stages=3", big) == "threads");
  CHECK(refused_by("mma_s8:tile=16x32x128,warps=1x1,stages=3", big) == "copy");  // 4 rows of 128 bytes at a time
  CHECK(refused_by("mma_s8:tile=96x128x64,warps=3x2,stages=3", big) == "copy");  // 48 rows, groups of 32 columns
  CHECK(refused_by("mma_s8:tile=256x16x128,warps=1x1,stages=3", big) == "copy");
  CHECK(refused_by("mma_s8:tile=128x256x64,warps=2x4,stages=1", big) == "stages");
  CHECK(refused_by("mma_s8:tile=128x256x64,warps=2x4,stages=17", big) == "stages");
  CHECK(refused_by("mma_s8:tile=128x256x64,warps=2x4,stages=3,split_k=73", big) == "split_k");
  CHECK(refused_by("mma_s8:tile=128x256x64,warps=2x4,stages=3,split_k=2,schedule=persistent", big) == "schedule");
  CHECK(refused_by("mma_s8:tile=128x256x128,warps=2x4,stages=5", big) == "shared_memory");
  CHECK(refused_by("mma_s8:tile=128x128x128,warps=2x2,stages=4,ctas=2", big) == "shared_memory");
  CHECK(refused_by("mma_s8:tile=128x256x64,warps=2x2,stages=3", big) == "registers");  // 256 accumulators
  CHECK(refused_by("mma_s8:tile=128x256x64,warps=2x4,stages=3,ctas=2", big) ==
        "registers");  // 128 for 128 accumulators
  CHECK(refused_by("mma_s8:tile=16x16x64,warps=1x1,stages=2,ctas=17", target("64x64x64", "RTX 3090")) == "residency");
  CHECK(refused_by("mma_s8:tile=16x16x64,warps=1x1,stages=2", target("2147483647x2147483647x64")) == "grid");
  CHECK(refused_by("mma_s8:tile=96x64x64,warps=2x2,stages=2", target("2147483647x64x64")) == "grid");
  CHECK(refused_by("mma_s8:tile=128x64x64,warps=2x2,stages=2", target("2147483647x64x64")) == "");
  CHECK(refused_by("mma_s8:tile=128x128x64,warps=2x2,stages=3,split_k=2", target("65536x65536x4608")) == "workspace");
  CHECK(refused_by(MmaS8Config{}, big) == "tile");
  Target turing = big;
  turing.device.arch = {75};
  CHECK(refused_by(kBig, turing) == "arch");
}

TEST_CASE("shared memory is that of the device, and staging counts") {
  CHECK(refused_by(kBig, target("6144x13824x4608", "RTX 3090")) == "shared_memory");
  CHECK(refused_by(kBig, target("6144x13824x4608", "A100")) == "");
  const auto rejection = refusal(kBig, target("6144x13824x4608", "RTX 3090"));
  REQUIRE(rejection);
  CHECK(rejection->reason == "needs 147456 bytes of shared memory, a CTA has 101376");
  // A persistent CTA keeps its staging beside the pipeline: 4 * 49152 + 8 * 16 * (64 * 4 + 16) bytes.
  const char* staged = "mma_s8:tile=128x256x128,warps=2x4,stages=4,staging=shared,schedule=persistent";
  CHECK(refused_by(staged, target("6144x13824x4608")) == "");
  CHECK(refused_by(staged, target("6144x13824x4608", "H100", {.out = Output::f32})) == "");
  CHECK(refused_by("mma_s8:tile=128x256x128,warps=2x4,stages=4,staging=shared", target("6144x13824x4608")) == "");
}

TEST_CASE("the load must divide K, and the space takes the widest") {
  MmaS8Config config = kBig;
  for (const auto& [problem, load] :
       {std::pair{"512x512x4608", 16}, {"512x512x4600", 8}, {"512x512x4604", 4}, {"512x512x4607", 1}}) {
    INFO(problem);
    for (const int tried : {16, 8, 4, 1}) {
      config.load = tried;
      CHECK(refused_by(config, target(problem)) == (tried > load ? "alignment" : ""));
    }
    const std::vector<MmaS8Config> configs = enumerate_family<MmaS8Config>(target(problem));
    CHECK(configs.size() > 100);
    for (const MmaS8Config& c : configs) CHECK(c.load == load);
  }
  config.load = 2;
  CHECK(refused_by(config, target("512x512x4608")) == "alignment");
}

TEST_CASE("Ideogram's problems have some hundreds of candidates, each of them legal, none twice", "[many]") {
  for (const char* device : {"H100", "A100", "RTX 3090", "RTX 4090", "RTX 5090", "RTX 3060"}) {
    for (const char* problem :
         {"6144x13824x4608", "6144x4608x4608", "6144x24576x4608", "6144x4608x12288", "4096x4608x4608", "256x4608x53248",
          "64x13824x4608", "17x4608x4608", "16x13824x4608", "1x4608x4608"}) {
      const Target t = target(problem, device);
      const std::vector<KernelConfig> configs = enumerate(t);
      INFO(device << " " << problem << ": " << configs.size());
      CHECK(configs.size() >= 50);
      CHECK(configs.size() <= (t.device.arch == SmArch{90} ? 2000 : 1200));  // Hopper has two families
      std::set<std::string> texts;
      for (const KernelConfig& config : configs) {
        CHECK(texts.insert(format(config)).second);
        CHECK_FALSE(refusal(config, t));
      }
    }
  }
}

TEST_CASE("the configs that are known to be fast are among the candidates") {
  const auto big = enumerate(target("6144x13824x4608"));
  CHECK(contains(big, "mma_s8:tile=128x256x128,warps=2x4,stages=3"));
  CHECK(contains(big, "mma_s8:tile=128x256x128,warps=2x4,stages=4,group=16"));
  CHECK(contains(big, "mma_s8:tile=256x128x128,warps=4x2,stages=3"));
  CHECK(contains(big, "mma_s8:tile=128x128x128,warps=2x2,stages=2,ctas=2"));
  CHECK(contains(big, "mma_s8:tile=128x128x128,warps=2x2,stages=3,ctas=2"));
  CHECK(contains(big, "mma_s8:tile=128x192x128,warps=2x4,stages=4,staging=shared"));
  CHECK(contains(big, "mma_s8:tile=128x256x64,warps=2x4,stages=6"));
  CHECK(contains(big, "mma_s8:tile=128x256x128,warps=2x4,stages=3,schedule=persistent"));
  CHECK(contains(enumerate(target("6144x13824x4608", "RTX 3090")), "mma_s8:tile=128x256x64,warps=2x4,stages=3"));
}

TEST_CASE("few rows get small tiles, deep pipelines and parts of K") {
  for (const char* problem : {"1x4608x4608", "16x4608x4608", "17x4608x4608", "64x4608x4608"}) {
    const Target t = target(problem);
    bool split = false, deep = false;
    for (const MmaS8Config& c : enumerate_family<MmaS8Config>(t)) {
      INFO(format(c));
      CHECK(c.tile_m < gemm_of(t.operation).m + 16);
      split |= c.split_k >= 4;
      deep |= c.stages >= 6;
    }
    CHECK(split);
    CHECK(deep);
  }
  CHECK(contains(enumerate(target("1x4608x4608")), "mma_s8:tile=16x64x128,warps=1x4,stages=8,ctas=2"));
}

TEST_CASE("the tiniest and the largest problems have candidates, too") {
  for (const char* problem :
       {"1x1x1", "1x1x131071", "2147483647x1x16", "1x2147483647x16", "100x100x100", "74977x28672x5376"}) {
    for (const DeviceInfo& device : known_devices()) {
      INFO(device.name << " " << problem);
      CHECK_FALSE(enumerate({.operation = parse_shape(problem), .device = device}).empty());
    }
  }
}

TEST_CASE("whether there are candidates is what listing them finds") {
  for (const char* problem : {"1x1x1", "6144x13824x4608", "130x96x144", "2147483647x2147483647x16"})
    for (const char* device : {"RTX 3090", "H100"}) {
      CAPTURE(problem, device);
      CHECK(has_candidates(target(problem, device)) == !enumerate(target(problem, device)).empty());
    }
  CHECK_FALSE(has_candidates(target("2147483647x2147483647x16", "RTX 3090")));
  Target bad = target("1x1x1");
  gemm_of(bad.operation).k = 0;
  CHECK_THROWS_AS(has_candidates(bad), UsageError);
}

TEST_CASE("every output type has candidates that stage and ones that do not") {
  for (const Output out : {Output::bf16, Output::f16, Output::f32, Output::s32}) {
    int staged = 0, direct = 0;
    for (const MmaS8Config& config : enumerate_family<MmaS8Config>(target("4096x4608x4608", "H100", {.out = out})))
      ++(config.staging == Staging::shared ? staged : direct);
    CHECK(staged > 50);
    CHECK(direct > 50);
  }
}

TEST_CASE("a config that is not tried says why, and the order is always the same") {
  const Target t = target("4096x4608x4608");
  const std::vector<Candidate> all = enumerate_all(t);
  std::set<std::string> constraints;
  std::size_t legal = 0;
  for (const Candidate& candidate : all) {
    if (!candidate.rejection) {
      ++legal;
      continue;
    }
    CHECK_FALSE(candidate.rejection->reason.empty());
    constraints.insert(candidate.rejection->constraint);
  }
  CHECK(legal == enumerate(t).size());
  for (const char* name : {"shared_memory", "registers", "copy", "schedule", "small_tile", "warp_layout", "depth",
                           "order", "parts", "staging"})
    CHECK(constraints.contains(name));
  CHECK(std::ranges::equal(
      all, enumerate_all(t), {}, [](const Candidate& c) { return format(c.config); },
      [](const Candidate& c) { return format(c.config); }));
}

TEST_CASE("a refused config is a wrong request that names its constraint") {
  CHECK_NOTHROW(require_legal(kBig, target("6144x13824x4608")));
  CHECK_THROWS_WITH(
      require_legal(kBig, target("6144x13824x4608", "RTX 3090")),
      "mma_s8:tile=128x256x128,warps=2x4,stages=3 cannot run 6144x13824x4608 on NVIDIA GeForce RTX 3090: "
      "shared_memory: needs 147456 bytes of shared memory, a CTA has 101376 (choose one of those that `ditune "
      "space` lists)");
  Target bad = target("1x1x1");
  gemm_of(bad.operation).k = 0;
  CHECK_THROWS_AS(require_legal(kBig, bad), UsageError);
  CHECK_THROWS_AS(enumerate(bad), UsageError);
}
