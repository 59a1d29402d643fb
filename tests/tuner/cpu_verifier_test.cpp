// SPDX-License-Identifier: Apache-2.0
#include "tuner/verify/cpu_verifier.hpp"

#include <algorithm>
#include <fstream>
#include <span>

#include "catch.hpp"
#include "db/fixtures.hpp"
#include "ditune/error.hpp"
#include "tuner/host_compiler.hpp"

using namespace ditune;
using namespace ditune::test;
namespace fs = std::filesystem;

namespace {

const Target kTarget{Gemm{70, 130, 160}, reference_device({90})};
const std::vector<KernelConfig> kConfigs = {parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=2"),
                                            parse_config("mma_s8:tile=32x64x64,warps=1x2,stages=3"),
                                            parse_config("mma_s8:tile=64x64x64,warps=2x2,stages=3,staging=shared")};

// The C++ compiler, behind a script that is run before each object is made; $source is the kernel's.
class ScriptedCompiler {
 public:
  explicit ScriptedCompiler(const std::string& before) {
    std::ofstream(folder_ / "cxx") << "#!/bin/sh\nfor source; do :; done\ncase \"$*\" in *-shared*)\n"
                                   << before << "\n;; esac\nexec " DITUNE_CXX " \"$@\"\n";
    fs::permissions(folder_ / "cxx", fs::perms::owner_all);
  }
  HostCompiler compiler() const { return {(folder_ / "cxx").string(), folder_ / "objects"}; }

 private:
  TempFolder folder_;
};

}  // namespace

TEST_CASE("verdicts come in the order of the configs, each with what was emulated") {
  std::vector<std::size_t> done;
  const CpuVerifier verifier(host_compiler(), {.seed = 4, .threads = 3});
  const auto verdicts =
      verifier.verify(kTarget, kConfigs, [&](std::size_t finished, const KernelConfig&) { done.push_back(finished); });
  REQUIRE(verdicts.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(verdicts[i].verdict.config == kConfigs[i]);
    CHECK(verdicts[i].verdict.failure == "");
    CHECK_FALSE(verdicts[i].shared.empty());
    for (const emulation::SharedTraffic& traffic : verdicts[i].shared) CHECK(traffic.wavefronts >= traffic.needed);
  }
  CHECK(verdicts[0].operation == Operation(Gemm{70, 66, 160}));
  CHECK(verdicts[1].operation == Operation(Gemm{38, 66, 160}));
  CHECK(done.size() == 3);
  CHECK(std::ranges::is_sorted(done));
}

TEST_CASE("no configs, no verdicts") { CHECK(CpuVerifier(host_compiler(), {}).verify(kTarget, {}).empty()); }

TEST_CASE("only the kernel that is wrong is called so") {
  // It leaves out the end of K.
  const ScriptedCompiler mutating(
      "grep -q 'stages = 2' \"$source\" && sed -i 's/(args);/([\\&] { ditune::GemmArgs a = args; a.k -= 16; return a; "
      "}());/' \"$source\"");
  const auto verdicts = CpuVerifier(mutating.compiler(), {.threads = 2}).verify(kTarget, kConfigs);
  CHECK_THAT(verdicts[0].verdict.failure, Catch::Contains(" of 4620 outputs wrong, the first at row 0, column 0: 0x"));
  CHECK(verdicts[1].verdict.ok());
  CHECK(verdicts[2].verdict.ok());
}

TEST_CASE("a mistake that plain operands do not show is found by a case, and by that case alone") {
  const ScriptedCompiler mutating(
      "sed -i 's/w(args.ldw, thread)/w(args.ldx, thread)/' \"$(dirname \"$source\")/mma_s8_load.cuh\"");
  const auto verdict = [&](std::vector<OperandCase> cases) {
    const CpuVerifier verifier(mutating.compiler(), {.cases = std::move(cases)});
    return verifier.verify(kTarget, std::span(kConfigs).first(1)).front().verdict;
  };
  const Verdict found = verdict({kOperandCases.begin(), kOperandCases.end()});
  CHECK_FALSE(found.ok());
  CHECK(found.failed == OperandCase::padded);
  CHECK(verdict({OperandCase::padded}).failure == found.failure);
  CHECK(verdict({OperandCase::plain, OperandCase::extreme}).ok());
}

TEST_CASE("a source that does not compile is an error") {
  const ScriptedCompiler failing("grep -q 'stages = 3' \"$source\" && echo nonsense >>\"$source\"");
  CHECK_THROWS_AS(CpuVerifier(failing.compiler(), {.threads = 2}).verify(kTarget, kConfigs), HostCompilerError);
}

TEST_CASE("operands that a config does not take are an error") {
  const Target odd{Gemm{70, 130, 161}, reference_device({90})};
  CHECK_THROWS_AS(CpuVerifier(host_compiler(), {}).verify(odd, kConfigs), UsageError);
}

TEST_CASE("a config is emulated on its own device, whatever it is verified beside") {
  const auto accesses = [](const EmulatedVerdict& verdict) {
    long long sum = 0;
    for (const emulation::SharedTraffic& traffic : verdict.shared) sum += traffic.accesses;
    return sum;
  };
  // The same tile, so the same problem; the second shares its tiles among several CTAs.
  const Target target{Gemm{150, 136, 1024}, reference_device({90})};
  const std::vector<KernelConfig> configs = {parse_config("wgmma_s8:tile=128x64,stages=3"),
                                             parse_config("wgmma_s8:tile=128x64,stages=3,decomposition=stream_k")};
  const CpuVerifier verifier(host_compiler(), {.threads = 1});
  const auto together = verifier.verify(target, configs);
  for (std::size_t i = 0; i < configs.size(); ++i) {
    CHECK(together[i].verdict.failure == "");
    CHECK(accesses(together[i]) == accesses(verifier.verify(target, std::span(configs).subspan(i, 1)).front()));
  }
  CHECK(accesses(together[0]) != accesses(together[1]));
}
