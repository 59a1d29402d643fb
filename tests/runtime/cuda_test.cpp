// SPDX-License-Identifier: Apache-2.0
// On the machine as it is; what a driver is asked is in tests/cuda. Linking this at all shows that a program with
// ditune in it starts without a driver.
#include "runtime/cuda.hpp"

#include "catch.hpp"
#include "runtime/nvml.hpp"

using namespace ditune;

TEST_CASE("A machine without a GPU is a state, not an error") {
  if (device_count() > 0) {
    WARN("there is a GPU here: nothing to see");
    return;
  }
  CHECK(device_count() == 0);  // asked twice, answered twice
  CHECK_NOTHROW(cuda_driver_version());
  CHECK_THROWS_AS(device_info(0), CudaError);
  CHECK_THROWS_AS(device_uuid(0), CudaError);
  CHECK_THROWS_AS(Stream(), CudaError);
  CHECK_THROWS_AS(Event(), CudaError);
  CHECK_THROWS_AS(DeviceBuffer(16), CudaError);
  CHECK_THROWS_AS(Kernel("no cubin", "no_kernel"), CudaError);
}

TEST_CASE("The toolkit that this is built with has a version") { CHECK(cuda_toolkit_version() >= "12.8"); }

TEST_CASE("An empty buffer holds nothing") {
  const DeviceBuffer buffer;
  CHECK(buffer.get() == nullptr);
  CHECK(buffer.bytes() == 0);
}

TEST_CASE("Rates that a driver does not tell come from the card's row") {
  const DeviceInfo& known = find_device("RTX 3090");
  DeviceInfo seen = known;
  seen.sm_clock_mhz = 1900;  // overclocked: what the driver tells is kept
  seen.l2_gbps = seen.mma_s8_per_clock = 0;
  const DeviceInfo complete = complete_rates(seen);
  CHECK(complete.l2_gbps == known.l2_gbps);
  CHECK(complete.mma_s8_per_clock == known.mma_s8_per_clock);
  CHECK(complete.sm_clock_mhz == 1900);
}

TEST_CASE("Rates of an unknown card are its arch's, scaled by SMs and clock") {
  const DeviceInfo& reference = reference_device({86});
  DeviceInfo half = reference;
  half.name = "NVIDIA GeForce RTX 3030";
  half.sms = reference.sms / 2;
  half.l2_gbps = half.mma_s8_per_clock = half.dram_gbps = 0;
  const DeviceInfo complete = complete_rates(half);
  CHECK(complete.l2_gbps == Approx(reference.l2_gbps / 2));
  CHECK(complete.mma_s8_per_clock == reference.mma_s8_per_clock);
  CHECK(complete.dram_gbps == reference.dram_gbps);
}

TEST_CASE("A newer arch has the rates of the newest one known, an older one is refused") {
  DeviceInfo seen = reference_device({100});
  seen.name = "NVIDIA B300";
  seen.arch = {103};
  seen.mma_s8_per_clock = 0;
  CHECK(complete_rates(seen).mma_s8_per_clock == reference_device({100}).mma_s8_per_clock);
  seen.arch = {75};
  CHECK_THROWS_AS(complete_rates(seen), UsageError);
}

TEST_CASE("NVML tells nothing of a device that is not there") {
  const Nvml nvml("GPU-00000000-0000-0000-0000-000000000000");
  CHECK_FALSE(nvml.state().has_value());
  if (device_count() == 0) CHECK(nvml.driver_version().empty());
}
