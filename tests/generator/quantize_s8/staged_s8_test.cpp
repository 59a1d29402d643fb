// SPDX-License-Identifier: Apache-2.0
#include "generator/quantize_s8/staged_s8.hpp"

#include <algorithm>
#include <string>

#include "catch.hpp"
#include "generator/search_space.hpp"

using namespace ditune;

namespace {

Target target(const std::string& text, const char* gpu) {
  return {parse_operation("quantize_s8:" + text), find_device(gpu)};
}

// The constraint that refuses a config, or "".
std::string refused(const KernelConfig& config, const Target& target) {
  const auto rejection = refusal(config, target);
  return rejection ? rejection->constraint : "";
}
std::string refused(const char* config, const Target& target) { return refused(parse_config(config), target); }

template <class Config>
std::ptrdiff_t legal(const Target& target, bool (*is_meant)(const Config&)) {
  return std::ranges::count_if(enumerate(target), [&](const KernelConfig& config) {
    const auto* its = std::get_if<Config>(&config);
    return its && is_meant(*its);
  });
}
std::ptrdiff_t legal(const Target& target, RowCopy copy) {
  return copy == RowCopy::bulk
             ? legal<StagedS8Config>(target, [](const auto& config) { return config.copy == RowCopy::bulk; })
             : legal<StagedS8Config>(target, [](const auto& config) { return config.copy == RowCopy::async; });
}

}  // namespace

TEST_CASE("what no launch of staged_s8 survives is refused") {
  const Target long_rows = target("m=6144,k=24576,act=swiglu", "H100");
  CHECK(refused("staged_s8:threads=1024,octets=3", long_rows) == "");
  CHECK(refused("staged_s8:threads=1024,octets=3,stages=3", long_rows) == "shared_memory");
  CHECK(refused("staged_s8:threads=1024,octets=4", long_rows) == "row");
  CHECK(refused(StagedS8Config{.threads = 96, .octets = 32}, long_rows) == "sizes");
  const Target odd = target("m=6144,k=4607", "H100");
  CHECK(refused("staged_s8:threads=128,octets=5", odd) == "alignment");
  const Target ampere = target("m=6144,k=4608", "RTX 3090");
  CHECK(refused("staged_s8:threads=128,octets=5", ampere) == "copy");
  CHECK(refused("staged_s8:threads=128,octets=5,copy=async", ampere) == "");
  CHECK(refused("staged_s8:threads=128,octets=5,copy=async,launch=dependent", ampere) == "launch");
}

TEST_CASE("candidates of staged_s8 take the copies that the arch has, if there are rows enough and whole octets") {
  CHECK(legal(target("m=6144,k=12288,act=swiglu", "H100"), RowCopy::bulk) > 0);
  CHECK(legal(target("m=6144,k=12288,act=swiglu", "H100"), RowCopy::async) == 0);
  CHECK(legal(target("m=6144,k=4608,residual=add", "RTX 3090"), RowCopy::async) > 0);
  CHECK(legal(target("m=6144,k=4608,residual=add", "RTX 3090"), RowCopy::bulk) == 0);
  CHECK(legal(target("m=17,k=4608", "H100"), RowCopy::bulk) == 0);
  CHECK(legal(target("m=6144,k=4607", "H100"), RowCopy::bulk) == 0);
}

TEST_CASE("columns are in shared memory where parameters make something of them and other rows need it") {
  const auto staged = [](const Target& target) {
    return legal<StagedS8Config>(target, [](const auto& config) { return config.columns == StagedColumns::shared; });
  };
  const auto kept = [](const Target& target) {
    return legal<RegistersS8Config>(target, [](const auto& config) { return config.columns == KeptIn::shared; });
  };
  const Target modulated = target("m=6144,k=4608,norm=rms,modulate=scale1", "H100");
  CHECK(staged(modulated) > 0);
  CHECK(kept(modulated) > 0);
  const Target plain = target("m=6144,k=4608,norm=rms", "H100");
  CHECK(staged(plain) == 0);
  CHECK(kept(plain) == 0);
  CHECK(legal<RegistersS8Config>(modulated, [](const auto& config) {
          return config.columns == KeptIn::shared && config.schedule == RowSchedule::each;
        }) == 0);
  const Target wide = target("m=6144,k=16384,residual=gate,smooth=on", "RTX 3090");
  CHECK(refused("staged_s8:threads=256,octets=8,stages=1,copy=async", wide) == "");
  CHECK(refused("staged_s8:threads=256,octets=8,stages=1,copy=async,columns=shared", wide) == "shared_memory");
  CHECK(refused("registers_s8:threads=256,octets=8,schedule=persistent", wide) == "");
  CHECK(refused("registers_s8:threads=256,octets=8,schedule=persistent,columns=shared", wide) == "shared_memory");
}
