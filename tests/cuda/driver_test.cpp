// SPDX-License-Identifier: Apache-2.0
#include "runtime/driver.hpp"

#include <thread>

#include "catch.hpp"
#include "cuda/stubbed.hpp"
#include "runtime/cuda.hpp"

using namespace ditune;
using test::StubbedCuda;

TEST_CASE("Loading a kernel for a device leaves the caller's current device as it was") {
  const StubbedCuda stub;
  const auto driver = cuda_driver();
  const auto kernel = driver->load("image", "k", 1, 100 << 10);
  CHECK(stub.current_device() == -1);  // it had none
  CHECK(stub->shared_limits == std::map<std::string, int>{{"k", 100 << 10}});
  use_device(0);
  const auto other = driver->load("image", "other", 1, 0);
  CHECK(stub.current_device() == 0);
  CHECK_THROWS_AS(driver->load("bad image", "k", 1, 0), CudaError);
  CHECK(stub.current_device() == 0);

  use_device(1);
  LaunchPlan plan;
  plan.grid = 2;
  plan.block = 64;
  const Stream stream;
  kernel->launch(plan, KernelParameter{}, stream.get());
  REQUIRE(stub->launches.size() == 1);
  CHECK(stub->launches[0].kernel == "k");
  CHECK(stub->launches[0].device == 1);
}

TEST_CASE(
    "Whether a stream is captured can be asked from a thread without a current device, which gets the given one") {
  const StubbedCuda stub;
  const auto driver = cuda_driver();
  std::thread([&] {
    CHECK_FALSE(driver->is_capturing(nullptr, 1));
    CHECK(stub.current_device() == 1);
  }).join();
  const Stream stream;
  CHECK_FALSE(driver->is_capturing(stream.get(), 0));
  Graph::capture(stream, [&] { CHECK(driver->is_capturing(stream.get(), 0)); });
  CHECK_FALSE(driver->is_capturing(stream.get(), 0));
}

TEST_CASE("The driver's tensor maps are those of the CUDA driver, and so are its refusals") {
  const StubbedCuda stub;
  const auto driver = cuda_driver();
  const TensorMapSpec rows{reinterpret_cast<const void*>(0x10000), 100, 272, 288, 1, 64, 128};
  const TensorMap map = driver->encode(rows, 1);
  CHECK(stub.current_device() == -1);  // as before
  CHECK_NOTHROW(driver->move(map, reinterpret_cast<const void*>(0x20000), 1));
  CHECK(stub.current_device() == 1);
  CHECK_THROWS_WITH(driver->move(map, reinterpret_cast<const void*>(0x20001), 1),
                    Catch::StartsWith("cuTensorMapReplaceAddress refuses (error 1)"));
  TensorMapSpec crooked = rows;
  crooked.pitch = 289;
  CHECK_THROWS_WITH(driver->encode(crooked, 0), Catch::StartsWith("cuTensorMapEncodeTiled refuses (error 1) 100 rows"));
  CHECK(stub.current_device() == 1);
}
