// SPDX-License-Identifier: Apache-2.0
// Lookups of the C ABI, which need no GPU.
#include <ditune/ditune.h>

#include <string>

#include "c_api/gemm_calls.hpp"
#include "catch.hpp"
#include "db/fixtures.hpp"
#include "generator/launch_plan.hpp"

using namespace ditune;
using namespace ditune::test;

namespace {

// What a lookup answers, which must not fail.
ditune_kernel_info looked_up(const Opened& opened, const ditune_device& device, const ditune_problem& asked) {
  ditune_kernel_info info{};
  info.size = sizeof info;
  const ditune_status status = ditune_lookup(opened.runtime, &device, &asked, &info);
  INFO(ditune_last_error());
  REQUIRE(status == DITUNE_OK);
  return info;
}

}  // namespace

TEST_CASE("c: a lookup needs no GPU, and finds what would be prepared on one") {
  const Opened opened;
  const std::string winner = format(measured_record().config);
  driver()->devices = 0;
  const ditune_kernel_info exact = looked_up(opened, device("RTX 3090"), problem());
  CHECK(exact.match == DITUNE_MATCH_EXACT);
  CHECK(exact.config == winner);
  CHECK(exact.device == -1);
  CHECK(exact.workspace_bytes == 0);
  CHECK(std::string(exact.note).empty());
  CHECK(looked_up(opened, device("RTX 3090"), problem()).config == exact.config);  // the text, too, is kept
  const ditune_kernel_info near = looked_up(opened, device("nvidia geforce rtx 3090", 86, 0), problem(4000));
  CHECK(near.match == DITUNE_MATCH_NEAREST_M);
  CHECK(near.config == exact.config);
  CHECK(looked_up(opened, device(nullptr, 86), problem()).match == DITUNE_MATCH_EXACT);
  CHECK(looked_up(opened, device("", 86), problem()).match == DITUNE_MATCH_EXACT);
  CHECK(looked_up(opened, device("NVIDIA GeForce RTX 3090", 86, 82), problem()).match == DITUNE_MATCH_EXACT);
  CHECK(looked_up(opened, device("NVIDIA RTX Unheard Of", 86, 40), problem()).match == DITUNE_MATCH_OTHER_DEVICE);
  CHECK(looked_up(opened, device(nullptr, 86, 40), problem()).match == DITUNE_MATCH_OTHER_DEVICE);
  const ditune_kernel_info modelled = looked_up(opened, device("H100"), problem());
  CHECK(modelled.match == DITUNE_MATCH_MODEL);
  CHECK(std::string(modelled.config).starts_with("wgmma_s8:"));
  CHECK(driver()->loaded.empty());
}

TEST_CASE("c: a lookup tells the workspace that the kernel needs for the problem that was asked") {
  const Opened opened;
  ditune_problem small = problem(16);
  small.n = 256;
  const ditune_kernel_info info = looked_up(opened, device("RTX 3090"), small);
  CAPTURE(info.config);
  const LaunchPlan plan = launch_plan(parse_config(info.config), {Gemm{16, 256, 4608}, find_device("RTX 3090")});
  CHECK(plan.workspace_bytes > 0);
  CHECK(info.workspace_bytes == plan.workspace_bytes);
}

TEST_CASE("c: where no kernel runs a problem a lookup says so") {
  const Opened opened;
  ditune_problem huge = problem(2147483647);
  huge.n = 2147483647;
  const ditune_kernel_info info = looked_up(opened, device("RTX 3090"), huge);
  CHECK(info.match == DITUNE_MATCH_NONE);
  CHECK(std::string(info.config).empty());
}

TEST_CASE("c: a lookup for a GPU that is not told from others is refused, and answers nothing") {
  const Opened opened;
  const ditune_problem asked = problem();
  const auto refused = [&](const ditune_device& its, const char* what) {
    ditune_kernel_info info{};
    info.size = sizeof info;
    info.match = 77;
    const ditune_status status = ditune_lookup(opened.runtime, &its, &asked, &info);
    CHECK(says(what));
    return status == DITUNE_INVALID_ARGUMENT && info.match == 77 && !info.config;
  };
  CHECK(refused(device(nullptr), "neither a name nor an arch"));
  CHECK(refused(device("", 0, 82), "neither a name nor an arch"));
  CHECK(refused(device("Unheard Of"), "'Unheard Of'"));
  CHECK(refused(device("Unheard Of", 86), "set its arch and sms, too"));
  CHECK(refused(device("Unheard Of", 0, 82), "set its arch and sms, too"));
  CHECK(refused(device("RTX"), "'RTX'"));
  CHECK(refused(device("RTX 3090", 89), "is sm_86"));
  CHECK(refused(device("RTX 3090", 0, 81), "has 82 SMs"));
  CHECK(refused(device("Unheard Of", 75, 82), "sm_75 is too old"));
  CHECK(refused(device(nullptr, -86), "arch is -86"));
  CHECK(refused(device("RTX 3090", 86, -1), "sms is -1"));
  CHECK(refused(device("RTX 3090", 86, 65536), "sms is 65536"));
  ditune_kernel_info info{};
  info.size = sizeof info;
  const ditune_device good = device("RTX 3090");
  CHECK(ditune_lookup(opened.runtime, nullptr, &asked, &info) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("device is null"));
  CHECK(ditune_lookup(opened.runtime, &good, nullptr, &info) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("problem is null"));
  CHECK(ditune_lookup(opened.runtime, &good, &asked, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("info is null"));
  info.size = 1;
  CHECK(ditune_lookup(opened.runtime, &good, &asked, &info) == DITUNE_INVALID_ARGUMENT);
  struct {
    ditune_kernel_info info;
    std::int64_t newer;  // of a later header, and not set
  } later;
  std::memset(&later, 0xff, sizeof later);
  later.info.size = sizeof later;
  REQUIRE(ditune_lookup(opened.runtime, &good, &asked, &later.info) == DITUNE_OK);
  CHECK(later.info.size == sizeof later);
  CHECK(later.info.match == DITUNE_MATCH_EXACT);
  CHECK(later.newer == -1);
  CHECK(ditune_lookup(0, &good, &asked, &info) == DITUNE_INVALID_HANDLE);
}
