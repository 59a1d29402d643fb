// SPDX-License-Identifier: Apache-2.0
// Rows that the covering sample does not have: every short length, splits at every place of an octet, the longest.
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

#include "catch.hpp"
#include "core/in_parallel.hpp"
#include "core/quantize_s8/quantize.hpp"
#include "generator/arguments.hpp"
#include "generator/emit.hpp"
#include "runtime/host_compiler.hpp"
#include "tuner/verify/host_problem.hpp"

using namespace ditune;

namespace {

struct Emulated {
  std::string config, operation;
  OperandCase operands = OperandCase::plain;
};

std::string failure(const Emulated& launch, std::uint64_t seed) {
  const KernelConfig config = parse_config(launch.config);
  Target target{Kind<Quantize>::parse(launch.operation), reference_device({90})};
  target.device.sms = 1;
  require_legal(config, target);
  const Strides strides = strides_of(launch.operands, target.operation, stride_multiples(config, target.operation));
  return HostProblem(target, strides, {seed, values_of(launch.operands)})
      .run(HostCompiler(DITUNE_CXX, DITUNE_OBJECTS).compile(emit(config, target.operation)), config, seed)
      .failure;
}

// Each gives the plain loop's bits.
void check_right(const std::vector<Emulated>& launches) {
  std::vector<std::string> failures(launches.size());
  in_parallel(launches.size(), 0, [&](std::size_t i) { failures[i] = failure(launches[i], i); });
  for (std::size_t i = 0; i < launches.size(); ++i) {
    INFO(launches[i].config << " on " << launches[i].operation << ", case " << word(launches[i].operands));
    CHECK(failures[i] == "");
  }
}

}  // namespace

TEST_CASE("rows of every length up to nine octets, and about an octet for each thread") {
  std::vector<Emulated> launches;
  for (int k = 1; k <= 256; k += k == 72 ? 176 : 1) {
    const std::string operation = fmt::format("m=2,k={},residual=add,norm=layer", k);
    launches.push_back({"registers_s8:threads=32,octets=1,load=1", operation, OperandCase::odd});
    launches.push_back({"passes_s8:threads=32,load=1", operation});
  }
  check_right(launches);
}

TEST_CASE("a second buffer that begins at every place of an octet") {
  std::vector<Emulated> launches;
  for (int split = 1; split <= 9; ++split) {
    for (const char* rest : {"act=swiglu,x=f32", "act=swiglu_interleaved", "act=gelu_erf,rotate=16"}) {
      const std::string operation = fmt::format("m=2,k=48,split={},{}", split, rest);
      launches.push_back({"registers_s8:threads=32,octets=1,load=1", operation, OperandCase::odd});
      launches.push_back({"passes_s8:threads=32,load=1", operation});
    }
  }
  check_right(launches);
}

TEST_CASE("a value that is no number, wherever its row has it") {
  std::vector<Emulated> launches;
  for (const char* operation : {"m=3,k=40,x=f32", "m=3,k=40,x=f16,norm=rms", "m=3,k=48,rotate=16,scale=tensor"})
    for (int seed = 0; seed < 40; ++seed)
      launches.push_back({"registers_s8:threads=32,octets=1", operation, OperandCase::extreme});
  check_right(launches);
}

TEST_CASE("the longest rows") {
  check_right({{"passes_s8:threads=1024,load=1", "m=1,k=131071,residual=gate_rms,norm=layer", OperandCase::odd},
               {"passes_s8:threads=1024", "m=1,k=131064,norm=rms,weight=plain,modulate=scale1_shift"},
               {"passes_s8:threads=256", "m=2,k=130816,act=swiglu,rotate=256"}});
}
