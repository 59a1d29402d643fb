// SPDX-License-Identifier: Apache-2.0
// What a driver tells of a device; the rates that it does not tell are in tests/runtime.
#include "catch.hpp"
#include "cuda/stubbed.hpp"
#include "runtime/cuda.hpp"

using namespace ditune;
using test::StubbedCuda;

TEST_CASE("A device is what its driver says it is, and no context is made to ask") {
  const StubbedCuda driver;
  REQUIRE(device_count() == 2);
  const DeviceInfo info = device_info(1);
  CHECK(info.name == "NVIDIA H100 80GB HBM3");
  CHECK(info.arch == SmArch{90});
  CHECK(info.sms == 132);
  CHECK(info.shared_per_sm == 233472);
  CHECK(info.shared_per_block == 232448);
  CHECK(info.registers_per_sm == 65536);
  CHECK(info.threads_per_sm == 2048);
  CHECK(info.ctas_per_sm == 32);
  CHECK(info.l2_bytes == 1 << 20);
  CHECK(info.sm_clock_mhz == 1980);
  CHECK(info.dram_gbps == Approx(3352.32));
  CHECK(device_uuid(0) == "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f");
  CHECK(device_uuid(1).starts_with("GPU-f0f1f2f3-"));
  CHECK(driver->retained.empty());
  CHECK_THROWS_WITH(device_info(2), Catch::Contains("CUDA_ERROR_INVALID_DEVICE"));
  CHECK_THROWS_WITH(device_uuid(2), Catch::Contains("CUDA_ERROR_INVALID_DEVICE"));
}

TEST_CASE("What is asked of the current device is answered by it") {
  const StubbedCuda driver;
  use_device(1);
  CHECK(current_l2_bytes() == 1 << 20);
  CHECK(free_bytes() == 64 << 20);
  CHECK(driver.current_device() == 1);
}
