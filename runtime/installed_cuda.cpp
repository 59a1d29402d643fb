// SPDX-License-Identifier: Apache-2.0
// Alone, so that a test links a driver of its own in its place.
#include "runtime/cuda_api.hpp"

namespace ditune {

const CudaApi& installed_cuda() {
  // Never destroyed: handles with static lifetime may end after it.
  static const CudaApi* const installed = new CudaApi;
  return *installed;
}

}  // namespace ditune
