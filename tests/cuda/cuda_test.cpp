// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "cuda/stubbed.hpp"

using namespace ditune;
using test::StubbedCuda;
using test::StubLaunch;

namespace {

LaunchPlan plan_of(int grid, int block) {
  LaunchPlan plan;
  plan.grid = grid;
  plan.block = block;
  return plan;
}

void on_fresh_thread(const std::function<void()>& body) { std::thread(body).join(); }

void check_nothing_left(const StubbedCuda& driver) {
  for (const auto& [kind, count] : driver->live) {
    INFO(kind);
    CHECK(count == 0);
  }
}

}  // namespace

TEST_CASE("A thread without a current context gets the first device's, in whatever it does first") {
  const StubbedCuda driver;
  const std::vector<std::function<void()>> all = {
      [] { Stream(); },           [] { Event(); },    [] { DeviceBuffer(16); },    [] { free_bytes(); },
      [] { current_l2_bytes(); }, [] { why_lost(); }, [] { Kernel("image", "k"); }};
  for (const auto& first : all)
    on_fresh_thread([&] {
      CHECK(driver.current_device() == -1);
      CHECK_NOTHROW(first());
      CHECK(driver.current_device() == 0);
    });
  CHECK(driver.current_device() == -1);
  CHECK(driver->retained == std::map<int, int>{{0, 1}});  // once, however many threads
  check_nothing_left(driver);
}

TEST_CASE("A thread's current context stays, whoever made it current") {
  const StubbedCuda driver;
  use_device(1);
  const Stream stream;
  const DeviceBuffer buffer(16);
  CHECK(driver.current_device() == 1);
  CHECK(driver->retained == std::map<int, int>{{1, 1}});
  use_device(0);
  fill(buffer.get(), 1, 16, stream);
  CHECK(driver.current_device() == 0);
  use_device(1);
  CHECK(driver->retained == std::map<int, int>{{0, 1}, {1, 1}});
}

TEST_CASE("Handles may end on a thread that has no current context") {
  const StubbedCuda driver;
  struct Handles {
    Stream stream;
    Event event;
    DeviceBuffer buffer{16};
    Kernel kernel{"image", "k"};
  };
  auto handles = std::make_unique<Handles>();
  on_fresh_thread([&] { handles.reset(); });
  check_nothing_left(driver);
}

TEST_CASE("Memory is written and copied as far as it was asked for") {
  const StubbedCuda driver;
  const Stream stream;
  const DeviceBuffer a(64), b(64);
  std::array<unsigned char, 64> host = {};
  std::array<unsigned char, 64> expected = {};
  fill(a.get(), 7, 64, stream);
  fill_rows(a.get(), 9, {.count = 3, .bytes = 4, .pitch = 16}, stream);
  copy_to_host(host.data(), a.get(), 64, stream);
  for (std::size_t i = 0; i < 64; ++i) expected[i] = i < 48 && i % 16 < 4 ? 9 : 7;
  CHECK(host == expected);

  for (std::size_t i = 0; i < 64; ++i) host[i] = static_cast<unsigned char>(i);
  copy_to_device(a.get(), host.data(), 64, stream);
  copy_on_device(b.get(), a.get(), 64, stream);
  gather_rows(a.get(), b.get(), {.count = 3, .bytes = 4, .pitch = 20}, stream);
  stream.synchronize();
  std::array<unsigned char, 12> gathered = {};
  copy_to_host(gathered.data(), a.get(), gathered.size(), stream);
  CHECK(gathered == std::array<unsigned char, 12>{0, 1, 2, 3, 20, 21, 22, 23, 40, 41, 42, 43});
  CHECK_THROWS_AS(fill(a.get(), 0, 65, stream), CudaError);
}

TEST_CASE("No bytes are no allocation, no copy and no error") {
  const StubbedCuda driver;
  const Stream stream;
  const DeviceBuffer nothing(0);
  CHECK(nothing.get() == nullptr);
  fill(nullptr, 0, 0, stream);
  copy_to_device(nullptr, nullptr, 0, stream);
  copy_to_host(nullptr, nullptr, 0, stream);
  copy_on_device(nullptr, nullptr, 0, stream);
  CHECK(driver.calls("cuMemAlloc") == 0);
}

TEST_CASE("A launch carries its plan: grid, block, shared memory, cluster, dependence and parameter") {
  const StubbedCuda driver;
  const Stream stream;
  const Kernel kernel("image", "k");
  LaunchPlan plan = plan_of(70000, 384);
  const long long parameter = 4711;
  kernel.launch(plan, parameter, stream);
  plan.shared_bytes = 100 << 10;
  plan.cluster = 2;
  kernel.launch(plan, parameter, stream);
  plan.dependent = true;
  kernel.launch(plan, parameter, stream);
  plan.cluster = 1;
  kernel.launch(plan, parameter, stream);

  StubLaunch expected{.kernel = "k", .stream = stream.get(), .grid = 70000, .block = 384, .parameter = 4711};
  REQUIRE(driver->launches.size() == 4);
  CHECK(driver->launches[0] == expected);
  expected.shared_bytes = 100 << 10;
  expected.cluster = 2;
  CHECK(driver->launches[1] == expected);
  expected.is_dependent = true;
  CHECK(driver->launches[2] == expected);
  expected.cluster = 0;
  CHECK(driver->launches[3] == expected);
  CHECK(driver->shared_limits == std::map<std::string, int>{{"k", 100 << 10}});
  CHECK(driver.calls("cuKernelSetAttribute") == 1);
  CHECK_THROWS_AS(kernel.launch(plan_of(0, 384), parameter, stream), CudaError);
  CHECK_THROWS_WITH(Kernel().launch(plan, parameter, stream), Catch::StartsWith("a launch of no kernel"));
}

TEST_CASE("More shared memory than the device has is refused by name") {
  const StubbedCuda driver;
  const Kernel kernel("image", "k");
  CHECK_THROWS_WITH(kernel.allow_shared(300 << 10), Catch::Contains("CUDA_ERROR_INVALID_VALUE"));
  CHECK_NOTHROW(kernel.allow_shared(227 << 10));
}

TEST_CASE("A launch from a thread without a current context takes the kernel's device") {
  const StubbedCuda driver;
  use_device(1);
  const Kernel kernel("image", "k");
  on_fresh_thread([&] {
    kernel.launch(plan_of(1, 32), KernelParameter{}, nullptr);
    CHECK(driver.current_device() == 1);
  });
  REQUIRE(driver->launches.size() == 1);
  CHECK(driver->launches[0].device == 1);
  CHECK(driver->retained == std::map<int, int>{{1, 1}});
}

TEST_CASE("An image that does not load leaves nothing behind and says why") {
  const StubbedCuda driver;
  CHECK_THROWS_WITH(Kernel("bad image", "k"),
                    Catch::Contains("CUDA_ERROR_NO_BINARY_FOR_GPU, ") && Catch::Contains("compile for the arch"));
  CHECK_THROWS_WITH(Kernel("image", "no_such_kernel"), Catch::Contains("CUDA_ERROR_NOT_FOUND"));
  CHECK(driver.calls("cuLibraryLoadData") == 2);
  CHECK(driver.calls("cuLibraryUnload") == 1);
  check_nothing_left(driver);
}

TEST_CASE("A captured launch is replayed, and loads nothing under the capture") {
  const StubbedCuda driver;
  {
    const Stream stream;
    const Kernel kernel("image", "k");
    const Graph graph = Graph::capture(stream, [&] {
      for (int i = 0; i < 3; ++i) kernel.launch(plan_of(i + 1, 32), static_cast<long long>(i), stream);
    });
    CHECK(driver->launches.empty());
    CHECK(driver->loads_under_capture == 0);
    graph.launch(stream);
    graph.launch(stream);
    CHECK(driver->launches.size() == 6);
    CHECK(driver->live["graph"] == 0);
  }
  check_nothing_left(driver);
}

TEST_CASE("A capture that fails is given up, and the stream goes on") {
  const StubbedCuda driver;
  const Stream stream;
  CHECK_THROWS_WITH(Graph::capture(stream, [] { throw std::runtime_error("as it may"); }), "as it may");
  CHECK(driver->live["graph"] == 0);
  CHECK_NOTHROW(stream.synchronize());
  CHECK_NOTHROW(Graph::capture(stream, [] {}).launch(stream));
}

TEST_CASE("A device that is lost tells why in the driver's words") {
  const StubbedCuda driver;
  CHECK(why_lost().empty());
  driver->failures["cuCtxSynchronize"] = CUDA_ERROR_ILLEGAL_ADDRESS;
  CHECK(why_lost() == "what the stub says of it");
}

TEST_CASE("What ends after the driver has failed is silent") {
  const StubbedCuda driver;
  const DeviceBuffer buffer(16);
  driver->failures["cuCtxGetCurrent"] = CUDA_ERROR_DEINITIALIZED;
}
