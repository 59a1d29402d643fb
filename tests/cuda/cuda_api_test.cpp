// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda_api.hpp"

#include <array>

#include "catch.hpp"
#include "cuda/stubbed.hpp"
#include "db/fixtures.hpp"
#include "ditune/error.hpp"
#include "runtime/cuda.hpp"
#include "runtime/driver.hpp"
#include "runtime/tensor_map.hpp"

using namespace ditune;
using test::InstalledCuda;
using test::Stub;
using test::StubbedCuda;

namespace {

constexpr const char* kNewerDriver = "(install an NVIDIA driver for CUDA 12.0 (R525) or newer)";

// Whatever is asked of a GPU says `why`, each time.
void check_unusable(const std::string& why) {
  CHECK(device_count() == 0);
  const auto says = Catch::StartsWith(why);
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_WITH(cuda(), says);
    CHECK_THROWS_WITH(use_device(0), says);
    CHECK_THROWS_WITH(device_info(0), says);
    CHECK_THROWS_WITH(device_uuid(0), says);
    CHECK_THROWS_WITH(free_bytes(), says);
    CHECK_THROWS_WITH(current_l2_bytes(), says);
    CHECK_THROWS_WITH(Stream(), says);
    CHECK_THROWS_WITH(Event(), says);
    CHECK_THROWS_WITH(DeviceBuffer(16), says);
    CHECK_THROWS_WITH(Kernel("an image", "a kernel"), says);
    CHECK_THROWS_WITH(encode_tensor_map({}), says);
    CHECK_THROWS_WITH(move_tensor_map({}, nullptr), says);
    CHECK_THROWS_WITH(cuda_driver()->is_capturing(nullptr, 0), says);
    CHECK_THROWS_WITH(cuda_driver()->load("an image", "a kernel", 0, 0), says);
    CHECK(why_lost().starts_with(why));
  }
  CHECK_THROWS_AS(Stream(), CudaError);
}

}  // namespace

TEST_CASE("Without a driver there are no devices, and all else says what to install") {
  constexpr std::array kNone = {"libnothing.so.1"};
  const InstalledCuda none(kNone);
  CHECK(none.api().version() == 0);
  CHECK(cuda_driver_version().empty());
  CHECK_THAT(none.api().problem()->what(), Catch::EndsWith(kNewerDriver));
  check_unusable("there is no CUDA driver: libnothing.so.1: ");
}

TEST_CASE("A library that is no CUDA driver, or does not load, is as good as none") {
  constexpr std::array kOther = {"libc.so.6"};
  {
    const InstalledCuda other(kOther);
    CHECK_THAT(other.api().problem()->what(), Catch::EndsWith(kNewerDriver));
    check_unusable("libc.so.6 is no CUDA driver (");
  }
  const test::TempFolder folder;
  const std::string broken = folder / "libcuda.so.1";
  test::write_file(broken, std::string(4096, 'x'));
  const std::array libraries = {broken.c_str()};
  const InstalledCuda installed(libraries);
  check_unusable("the CUDA driver cannot be loaded: " + broken + ": invalid ELF header (");
}

TEST_CASE("A driver older than CUDA 12.0 is not touched, and its version is told") {
  const StubbedCuda old([](Stub& stub) { stub.version = 11080; });
  CHECK(cuda_driver_version() == "11.8");
  CHECK(old.api().problem()->what() == std::string("the CUDA driver is for CUDA 11.8 ") + kNewerDriver);
  check_unusable("the CUDA driver is for CUDA 11.8 (");
  CHECK(old->calls.empty());
}

TEST_CASE("A driver that lacks a function says which") {
  for (const char* const name : {"cuInit", "cuGetErrorName", "cuLaunchKernelEx", "cuTensorMapReplaceAddress"}) {
    const StubbedCuda lacking([name](Stub& stub) { stub.lacks = name; });
    CHECK(lacking.api().problem()->what() == std::string("the CUDA driver has no ") + name + " " + kNewerDriver);
    check_unusable("the CUDA driver has no ");
    CHECK(lacking->calls.empty());
  }
}

TEST_CASE("A driver without a GPU has a version and no devices") {
  const StubbedCuda none([](Stub& stub) { stub.init = CUDA_ERROR_NO_DEVICE; });
  CHECK(cuda_driver_version() == "12.0");
  check_unusable("cuInit: CUDA_ERROR_NO_DEVICE, what the stub says of it (name a target with --arch or --gpu");
}

TEST_CASE("Of each function the variant of CUDA 12.0 is taken, however new the driver is") {
  const StubbedCuda newer([](Stub& stub) { stub.version = 13000; });
  CHECK_FALSE(newer.api().problem());
  CHECK(cuda_driver_version() == "13.0");
  CHECK(device_count() == 2);
  const Stream stream;
  const Event from, to;
  from.record(stream);
  to.record(stream);
  CHECK(elapsed_us(from, to) == 250);
  CHECK(newer.current_device() == 0);
  CHECK(newer.api().ctx_synchronize() == CUDA_SUCCESS);
}

TEST_CASE("A failed call says which expression, its name, its text and what to do") {
  const StubbedCuda driver;
  CHECK_NOTHROW(DITUNE_CUDA(CUDA_SUCCESS));
  CHECK_THROWS_WITH(DITUNE_CUDA(CUDA_ERROR_OUT_OF_MEMORY),
                    "CUDA_ERROR_OUT_OF_MEMORY: CUDA_ERROR_OUT_OF_MEMORY, what the stub says of it (free GPU memory or "
                    "choose a smaller problem)");
  CHECK_THROWS_AS(DITUNE_CUDA(CUDA_ERROR_ILLEGAL_ADDRESS), CudaError);
  CHECK_THROWS_WITH(check_cuda(static_cast<CUresult>(1001), "a call"),
                    Catch::StartsWith("a call: error 1001, CUDA's error 1001 ("));
  driver->failures["cuMemAlloc"] = CUDA_ERROR_OUT_OF_MEMORY;
  CHECK_THROWS_WITH(DeviceBuffer(16), Catch::Contains("mem_alloc(&data, bytes): CUDA_ERROR_OUT_OF_MEMORY, "));
  CHECK_THROWS_WITH(use_device(2), Catch::Contains("CUDA_ERROR_INVALID_DEVICE") && Catch::Contains("ditune devices"));
  CHECK_THROWS_WITH(use_device(-1), Catch::Contains("CUDA_ERROR_INVALID_DEVICE"));
}

TEST_CASE("CUDA's version numbers are told as people write them") {
  CHECK(cuda_version_text(12000) == "12.0");
  CHECK(cuda_version_text(12090) == "12.9");
  CHECK(cuda_version_text(13010) == "13.1");
}
