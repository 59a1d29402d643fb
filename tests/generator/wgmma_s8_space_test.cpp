#include <algorithm>
#include <set>
#include <string>

#include "catch.hpp"
#include "generator/cost_model.hpp"
#include "generator/search_space.hpp"

using namespace ditune;

namespace {

Target target(const char* problem, const DeviceInfo& device = find_device("H100"), Epilogue epilogue = {}) {
  return {.problem = parse_problem(problem), .epilogue = epilogue, .device = device};
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

}  // namespace

TEST_CASE("wgmma_s8 has some dozens of candidates on Hopper, each of them legal, none twice") {
  for (const char* problem : {"4352x13824x4608", "4352x4608x4608", "4352x4608x12288", "1280x4608x4608",
                              "256x4608x53248", "6144x24576x4608", "64x13824x4608", "16x4608x4608"}) {
    const Target t = target(problem);
    const std::vector<WgmmaS8Config> configs = candidates(t);
    INFO(problem << ": " << configs.size());
    CHECK(configs.size() >= 12);
    CHECK(configs.size() <= 200);
    std::set<std::string> texts;
    for (const WgmmaS8Config& config : configs) {
      CHECK(texts.insert(format(config)).second);
      CHECK_FALSE(refusal(config, t));
    }
  }
}

TEST_CASE("elsewhere, and for odd sizes, mma_s8 is alone, and wgmma_s8 says why once") {
  std::vector<Target> targets = {target("4352x4608x4600"), target("4352x4604x4608"), target("17x131x36")};
  for (const DeviceInfo& device : known_devices())
    if (device.arch != SmArch{90}) targets.push_back(target("4352x4608x4608", device));
  for (const Target& t : targets) {
    INFO(t.device.name << " " << format(t.problem));
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

TEST_CASE("few rows get tiles of 64, few K steps few stages") {
  for (const WgmmaS8Config& c : candidates(target("16x4608x4608"))) {
    CHECK(c.tile_m == 64);
    CHECK(c.cluster_m == 1);
  }
  for (const WgmmaS8Config& c : candidates(target("16x64x4608"))) CHECK((c.tile_n == 64 && c.cluster_n == 1));
  for (const WgmmaS8Config& c : candidates(target("64x4608x512"))) CHECK(c.stages <= 4);
  CHECK_FALSE(candidates(target("1x8x16")).empty());
}

TEST_CASE("every output type has candidates, and the four-byte ones tiles of their own") {
  for (const Output out : {Output::bf16, Output::f16, Output::f32, Output::s32}) {
    const auto configs = candidates(target("1000x4608x4608", find_device("H100"), {.out = out}));
    CHECK_FALSE(configs.empty());
    const bool own = std::ranges::any_of(configs, [](const WgmmaS8Config& c) { return c.tile_n == 160; });
    CHECK(own == (output_bytes(out) == 4));
  }
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
  for (const char* name : {"warpgroup", "output_box", "registers", "beyond_m", "beyond_n", "small_tile", "consumers",
                           "sharing", "parts", "order"}) {
    INFO(name);
    CHECK(constraints.contains(name));
  }
}
