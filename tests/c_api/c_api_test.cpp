// SPDX-License-Identifier: Apache-2.0
// The C ABI with a driver that has no GPU: launches, handles, captures, GPUs that are not there, threads.
#include <ditune/ditune.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "c_api/gemm_calls.hpp"
#include "catch.hpp"
#include "db/fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("c: a stored winner is prepared, described and launched") {
  const Opened opened;
  const ditune_kernel kernel = opened.prepare();
  ditune_kernel_info info{};
  info.size = sizeof info;
  REQUIRE(ditune_query(kernel, &info) == DITUNE_OK);
  CHECK(info.match == DITUNE_MATCH_EXACT);
  CHECK(info.device == 0);
  CHECK(info.workspace_bytes == 0);
  CHECK(std::string(info.config) == format(measured_record().config));
  CHECK(std::string(info.note).empty());
  const ditune_args its = args();
  int stream = 0;
  REQUIRE(ditune_launch(kernel, &its, &stream) == DITUNE_OK);
  const ditune_problem asked = problem();
  REQUIRE(ditune_run(opened.runtime, 0, &asked, &its, nullptr) == DITUNE_OK);
  REQUIRE(driver()->launches.size() == 2);
  CHECK(driver()->launches[0].stream == reinterpret_cast<CUstream_st*>(&stream));
  CHECK(driver()->launches[0].args.m == 4096);
  CHECK(driver()->launches[1].args.y == its.y);
}

TEST_CASE("c: a handle that was closed, or never was one, is told") {
  ditune_runtime closed = 0;
  ditune_kernel kernel{};
  {
    const Opened opened;
    closed = opened.runtime;
    kernel = opened.prepare();
    CHECK(ditune_launch({opened.runtime, 0}, nullptr, nullptr) == DITUNE_INVALID_HANDLE);
  }
  const Opened another;  // in the same place
  CHECK(another.runtime != closed);
  const ditune_problem its = problem();
  const ditune_args launched = args();
  ditune_kernel_info info{};
  info.size = sizeof info;
  ditune_kernel out{};
  for (const ditune_runtime handle : {closed, ditune_runtime{0}, ditune_runtime{12345678901}, ~ditune_runtime{0}}) {
    CAPTURE(handle);
    out = {1, 1};
    CHECK(ditune_prepare(handle, 0, &its, &out) == DITUNE_INVALID_HANDLE);
    CHECK(says("not open"));
    CHECK((out.runtime == 0 && out.id == 0));
    CHECK(ditune_run(handle, 0, &its, &launched, nullptr) == DITUNE_INVALID_HANDLE);
    CHECK(ditune_close(handle) == DITUNE_INVALID_HANDLE);
    CHECK(ditune_query({handle, kernel.id}, &info) == DITUNE_INVALID_HANDLE);
    CHECK(ditune_launch({handle, kernel.id}, &launched, nullptr) == DITUNE_INVALID_HANDLE);
  }
  CHECK(ditune_launch(kernel, &launched, nullptr) == DITUNE_INVALID_HANDLE);
  CHECK(driver()->launches.empty());
}

TEST_CASE("c: a kernel that its runtime did not prepare is told, whatever its id") {
  const Opened opened, another;
  const ditune_kernel kernel = opened.prepare(), other = another.prepare();
  const ditune_args launched = args();
  ditune_kernel_info info{};
  info.size = sizeof info;
  for (const ditune_kernel wrong :
       {ditune_kernel{kernel.runtime, other.id}, ditune_kernel{kernel.runtime, 1},
        ditune_kernel{kernel.runtime, kernel.id + 8}, ditune_kernel{kernel.runtime, ~std::uint64_t{0}},
        ditune_kernel{kernel.runtime, kernel.runtime}}) {
    CAPTURE(wrong.id);
    CHECK(ditune_query(wrong, &info) == DITUNE_INVALID_HANDLE);
    CHECK(says("none of this runtime"));
    CHECK(ditune_launch(wrong, &launched, nullptr) == DITUNE_INVALID_HANDLE);
  }
  CHECK(ditune_launch(ditune_kernel{kernel.id, kernel.runtime}, &launched, nullptr) == DITUNE_INVALID_HANDLE);
  CHECK(driver()->launches.empty());
}

TEST_CASE("c: while a stream is captured what is not prepared is not launched") {
  const Opened opened;
  const ditune_problem its = problem();
  const ditune_args launched = args();
  driver()->capturing = true;
  CHECK(ditune_run(opened.runtime, 0, &its, &launched, nullptr) == DITUNE_NOT_PREPARED);
  driver()->capturing = false;
  static_cast<void>(opened.prepare());
  driver()->capturing = true;
  CHECK(ditune_run(opened.runtime, 0, &its, &launched, nullptr) == DITUNE_OK);
}

TEST_CASE("c: without a GPU preparing and running have a status of their own, which says what to do") {
  const Opened opened;
  driver()->devices = 0;
  const ditune_problem its = problem();
  const ditune_args launched = args();
  for (const std::int32_t device : {0, 7, -1}) {
    CAPTURE(device);
    ditune_kernel kernel{1, 1};
    CHECK(ditune_prepare(opened.runtime, device, &its, &kernel) == DITUNE_NO_DEVICE);
    CHECK(says("no GPU is visible (install an NVIDIA driver"));
    CHECK((kernel.runtime == 0 && kernel.id == 0));
    CHECK(ditune_run(opened.runtime, device, &its, &launched, nullptr) == DITUNE_NO_DEVICE);
    CHECK(says("no GPU is visible (install an NVIDIA driver"));
  }
  CHECK(driver()->launches.empty());
}

TEST_CASE("c: an ordinal that is not there is told, also while a stream is captured") {
  const Opened opened;
  const ditune_problem its = problem();
  const ditune_args launched = args();
  driver()->capturing = true;
  CHECK(ditune_run(opened.runtime, 7, &its, &launched, nullptr) == DITUNE_INVALID_ARGUMENT);
  CHECK(says("there is no GPU 7, visible: 2"));
}

TEST_CASE("c: one runtime more than there may be is told, and there is a place again once one is closed") {
  std::vector<ditune_runtime> all;
  ditune_status status = DITUNE_OK;
  while (status == DITUNE_OK && all.size() <= 256) status = ditune_open(nullptr, &all.emplace_back());
  CHECK(status == DITUNE_INVALID_ARGUMENT);
  CHECK(says("256 open runtimes"));
  CHECK(all.size() == 257);
  CHECK(all.back() == 0);
  all.pop_back();
  CHECK(ditune_close(all.back()) == DITUNE_OK);
  CHECK(ditune_open(nullptr, &all.back()) == DITUNE_OK);
  for (const ditune_runtime runtime : all) CHECK(ditune_close(runtime) == DITUNE_OK);
}

TEST_CASE("c: errors are of the thread that made them") {
  CHECK(ditune_close(0) == DITUNE_INVALID_HANDLE);
  std::string other = "not asked";
  std::thread([&] { other = ditune_last_error(); }).join();
  CHECK(other.empty());
  CHECK(says("not open"));
}

TEST_CASE("c: eight threads open, prepare, launch and close") {
  const Opened opened;
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      const ditune_args launched = args();
      const ditune_problem its = problem();
      const ditune_device card = device("RTX 3090");
      for (int i = 0; i < 50; ++i) {
        ditune_runtime own = 0;
        ditune_kernel kernel{};
        failed += ditune_open(&opened.options, &own) != DITUNE_OK;
        failed += ditune_prepare(own, i % 2, &its, &kernel) != DITUNE_OK;
        ditune_kernel_info info{};
        info.size = sizeof info;
        failed += ditune_lookup(opened.runtime, &card, &its, &info) != DITUNE_OK || info.match != DITUNE_MATCH_EXACT;
        failed += ditune_launch(kernel, &launched, nullptr) != DITUNE_OK;
        failed += ditune_run(opened.runtime, 0, &its, &launched, nullptr) != DITUNE_OK;
        failed += ditune_close(own) != DITUNE_OK;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(driver()->launches.size() == 2 * 8 * 50);
}
