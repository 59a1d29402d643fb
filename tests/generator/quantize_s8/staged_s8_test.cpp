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

std::ptrdiff_t legal(const Target& target, RowCopy copy) {
  return std::ranges::count_if(enumerate(target), [&](const KernelConfig& config) {
    const auto* its = std::get_if<StagedS8Config>(&config);
    return its && its->copy == copy;
  });
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
