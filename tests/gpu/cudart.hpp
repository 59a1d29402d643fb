// SPDX-License-Identifier: Apache-2.0
// What these tests ask of the CUDA runtime, beside the driver that ditune asks: as programs that call both do.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

#include "ditune/error.hpp"
#include "runtime/cuda_api.hpp"

namespace ditune {

// DITUNE_CUDA of the runtime's calls.
inline void check_cuda(cudaError_t status, const char* expression) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // so that the next call is not blamed
  throw CudaError(std::string(expression) + ": " + cudaGetErrorName(status) + ", " + cudaGetErrorString(status), "");
}

}  // namespace ditune
