// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "catch.hpp"
#include "gemm.hpp"
#include "generator/cost_model.hpp"
#include "generator/search_space.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

Target target(const char* problem, const DeviceInfo& device = find_device("H100"), Epilogue epilogue = {}) {
  return {.operation = with(parse_shape(problem), epilogue), .device = device};
}

std::vector<WgmmaS8Config> candidates(const Target& t) {
  std::vector<WgmmaS8Config> configs;
  for (const KernelConfig& config : enumerate(t))
    if (const auto* one = std::get_if<WgmmaS8Config>(&config)) configs.push_back(*one);
  return configs;
}

bool contains(const std::vector<WgmmaS8Config>& configs, const char* text) {
  return std::ranges::find(configs, std::get<WgmmaS8Config>(parse_config(text))) != configs.end();
}

// What most tests are about.
constexpr std::array kProblems{"4352x13824x4608", "4352x4608x4608",  "4352x4608x12288", "1280x4608x4608",
                               "256x4608x53248",  "6144x24576x4608", "64x13824x4608",   "16x4608x4608"};

}  // namespace

TEST_CASE("wgmma_s8 has some hundreds of candidates on Hopper, each of them legal, none twice") {
  for (const char* problem : kProblems) {
    const Target t = target(problem);
    const std::vector<WgmmaS8Config> configs = candidates(t);
    INFO(problem << ": " << configs.size());
    CHECK(configs.size() >= 100);
    CHECK(configs.size() <= 1000);
    std::set<std::string> texts;
    for (const WgmmaS8Config& config : configs) {
      CHECK(texts.insert(format(config)).second);
      CHECK_FALSE(refusal(config, t));
    }
  }
}

TEST_CASE("elsewhere, and for odd sizes, mma_s8 is alone, and wgmma_s8 says why once", "[many]") {
  std::vector<Target> targets = {target("4352x4608x4600"), target("4352x4604x4608"), target("17x131x36")};
  for (const DeviceInfo& device : known_devices())
    if (device.arch != SmArch{90}) targets.push_back(target("4352x4608x4608", device));
  for (const Target& t : targets) {
    INFO(t.device.name << " " << format(t.operation));
    CHECK(candidates(t).empty());
    CHECK_FALSE(enumerate(t).empty());
    const std::vector<Candidate> all = enumerate_all(t);
    CHECK(1 == std::ranges::count_if(
                   all, [](const Candidate& c) { return std::holds_alternative<WgmmaS8Config>(c.config); }));
  }
}

TEST_CASE("the configs of wgmma_s8 that are known to be fast are among the candidates") {
  const auto big = candidates(target("4352x13824x4608"));
  CHECK(contains(big, "wgmma_s8:tile=128x256,stages=4,cluster=2x1"));
  CHECK(contains(big, "wgmma_s8:tile=128x256,stages=3,cluster=2x1,group=16"));
  CHECK(contains(big, "wgmma_s8:tile=128x192,stages=4,consumers=pingpong"));
  CHECK(contains(big, "wgmma_s8:tile=128x192,stages=4,consumers=pingpong,group=16"));
  CHECK(contains(big, "wgmma_s8:tile=128x192,stages=4,consumers=pingpong,cluster=2x1"));
  CHECK(contains(big, "wgmma_s8:tile=256x128,stages=4,cluster=1x2"));
  CHECK(contains(big, "wgmma_s8:tile=256x192,stages=3,group=16"));
  CHECK(contains(candidates(target("1280x4608x4608")), "wgmma_s8:tile=256x192,stages=3"));
  CHECK(
      contains(candidates(target("1280x4608x4608")), "wgmma_s8:tile=128x192,stages=4,consumers=pingpong,cluster=2x1"));
  CHECK(contains(candidates(target("256x4608x53248")),
                 "wgmma_s8:tile=128x256,stages=4,decomposition=stream_k,cluster=2x1"));
}

TEST_CASE("what won trials of wgmma_s8 on an H100 is among the candidates") {
  struct Winner {
    const char *problem, *config;
  };
  for (const auto& [problem, config] :
       std::vector<Winner>{{"4352x13824x4608", "wgmma_s8:tile=128x192,stages=4,consumers=pingpong"},
                           {"4352x13824x4608", "wgmma_s8:tile=128x192,stages=5,consumers=pingpong,staging=1"},
                           {"4352x13824x4608", "wgmma_s8:tile=128x256,stages=4"},
                           {"4352x13824x4608", "wgmma_s8:tile=128x224,stages=4"},
                           {"4352x13824x4608", "wgmma_s8:tile=256x160,stages=4,staging=1"},
                           {"4352x13824x4608", "wgmma_s8:tile=256x192,stages=3"},
                           {"4352x4608x4608", "wgmma_s8:tile=128x192,stages=5,consumers=pingpong,staging=1"},
                           {"4352x4608x4608", "wgmma_s8:tile=128x224,stages=4"},
                           {"4352x4608x4608", "wgmma_s8:tile=256x160,stages=4,staging=1"},
                           {"4352x4608x4608", "wgmma_s8:tile=256x192,stages=3"},
                           {"1024x3072x3072", "wgmma_s8:tile=128x192,stages=4"},
                           {"1024x3072x3072", "wgmma_s8:tile=128x256,stages=4"},
                           {"1024x3072x3072", "wgmma_s8:tile=128x224,stages=4"},
                           {"1024x3072x3072", "wgmma_s8:tile=256x160,stages=4,staging=1"},
                           {"1024x3072x3072", "wgmma_s8:tile=256x192,stages=3"},
                           {"256x4608x53248", "wgmma_s8:tile=64x144,stages=7,consumers=pingpong"},
                           {"256x4608x4608", "wgmma_s8:tile=64x144,stages=7,consumers=pingpong"},
                           {"256x4608x4608", "wgmma_s8:tile=64x160,stages=6,consumers=pingpong"},
                           {"256x4608x4608", "wgmma_s8:tile=128x80,stages=7"},
                           {"256x13824x4608", "wgmma_s8:tile=128x224,stages=4"},
                           {"64x4608x4608", "wgmma_s8:tile=64x64,stages=12,consumers=pingpong"},
                           {"64x4608x4608", "wgmma_s8:tile=64x48,stages=13,consumers=pingpong"}}) {
    INFO(problem << " " << config);
    CHECK(contains(candidates(target(problem)), config));
  }
}

TEST_CASE("every schedule is tried serial and dependent") {
  for (const char* problem : kProblems) {
    const std::vector<WgmmaS8Config> configs = candidates(target(problem));
    for (WgmmaS8Config config : configs) {
      config.launch = config.launch == Launch::serial ? Launch::dependent : Launch::serial;
      INFO(problem << " " << format(config));
      CHECK(std::ranges::find(configs, config) != configs.end());
    }
  }
}

// Both ways: where one box of staging is tried, two would not fit; and where a stage more fits for that, it is tried.
TEST_CASE("one box of staging is tried where it buys stages, and there alone") {
  for (const char* problem : kProblems) {
    const Target t = target(problem);
    const std::vector<WgmmaS8Config> configs = candidates(t);
    bool less = false;
    for (WgmmaS8Config config : configs) {
      INFO(problem << " " << format(config));
      if (config.staging == 1) {
        less = true;
        config.staging = 2;
        const auto rejection = refusal(config, t);
        REQUIRE(rejection);
        CHECK(rejection->constraint == "shared_memory");
      } else {
        ++config.stages;
        if (!refusal(config, t)) continue;
        config.staging = 1;
        if (!refusal(config, t)) CHECK(std::ranges::find(configs, config) != configs.end());
      }
    }
    CHECK(less);
  }
  // All of K is in the pipeline with two boxes: nothing is bought.
  for (const WgmmaS8Config& config : candidates(target("64x4608x512"))) CHECK(config.staging == 2);
}

TEST_CASE("tiles of every width are tried, and a short N has none that is wider than it takes") {
  const auto widths = [](const char* problem) {
    std::set<int> all;
    for (const WgmmaS8Config& config : candidates(target(problem))) all.insert(config.tile_n);
    return all;
  };
  const std::set<int> all{48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256};
  for (const char* rows : {"1x", "64x", "256x"}) {
    const auto of = [&](const char* columns) { return widths((std::string(rows) + columns + "x4608").c_str()); };
    INFO(rows);
    CHECK(of("4608") == all);
    for (const char* narrow : {"8", "24", "48"}) CHECK(of(narrow) == std::set{48});
    CHECK(of("56") == std::set{48, 64});
    CHECK(of("128") == std::set(all.begin(), all.find(144)));
    CHECK(of("200") == std::set(all.begin(), all.find(224)));
  }
}

TEST_CASE("a short N of very many rows has tiles that hold all of it") {
  for (const std::int64_t n : {8, 24, 48, 96, 128, 144, 200, 208, 256}) {
    const Target t{.operation = Gemm{200000, n, 4608}, .device = find_device("H100")};
    const auto configs = candidates(t);
    INFO(n);
    CHECK(std::ranges::any_of(configs, [n](const WgmmaS8Config& c) { return c.tile_n >= n; }));
  }
}

TEST_CASE("few rows get tiles of 64, few K steps few stages") {
  for (const WgmmaS8Config& c : candidates(target("16x4608x4608"))) {
    CHECK(c.tile_m == 64);
    CHECK(c.cluster_m == 1);
  }
  for (const WgmmaS8Config& c : candidates(target("16x64x4608")))
    CHECK((c.tile_n == 64 ? c.cluster_n == 1 : c.tile_n == 48));
  for (const WgmmaS8Config& c : candidates(target("64x4608x512"))) CHECK(c.stages <= 4);
  CHECK_FALSE(candidates(target("1x8x16")).empty());
}

TEST_CASE("every output type has the same candidates") {
  const auto of = [](Output out) { return candidates(target("1000x4608x4608", find_device("H100"), {.out = out})); };
  const auto configs = of(Output::bf16);
  CHECK(configs.size() > 100);
  for (const Output out : {Output::f16, Output::f32, Output::s32}) CHECK(std::ranges::equal(configs, of(out)));
}

TEST_CASE("a config of wgmma_s8 that is not tried says why") {
  std::set<std::string> constraints;
  for (const char* problem : {"4352x4608x4608", "4352x13824x4608", "64x64x4608"}) {
    for (const Candidate& candidate : enumerate_all(target(problem))) {
      if (!candidate.rejection || !std::holds_alternative<WgmmaS8Config>(candidate.config)) continue;
      CHECK_FALSE(candidate.rejection->reason.empty());
      constraints.insert(candidate.rejection->constraint);
    }
  }
  for (const char* name :
       {"warpgroup", "registers", "beyond_m", "beyond_n", "small_tile", "consumers", "sharing", "parts", "order"}) {
    INFO(name);
    CHECK(constraints.contains(name));
  }
}
