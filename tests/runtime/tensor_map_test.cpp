// SPDX-License-Identifier: Apache-2.0
// What a GPU does with tensor maps is in tests/gpu; here they are asked for where there may be no driver.
#include "runtime/tensor_map.hpp"

#include "catch.hpp"
#include "runtime/cuda.hpp"

using namespace ditune;

namespace {

// Encoding touches no memory but the map.
const TensorMapSpec kRows{reinterpret_cast<const void*>(0x10000), 100, 272, 288, 1, 64, 128};

}  // namespace

TEST_CASE("Without a driver a tensor map is an error that says what is missing, each time it is asked for") {
  if (!cuda_driver_version().empty()) {
    WARN("there is a driver here: nothing to see");
    return;
  }
  for (int i = 0; i < 2; ++i) CHECK_THROWS_AS(encode_tensor_map(kRows), CudaError);
}
