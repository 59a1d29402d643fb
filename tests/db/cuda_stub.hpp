// SPDX-License-Identifier: Apache-2.0
// Text of programs that use an exported header where there is no CUDA runtime.
#pragma once

#include <string>

namespace ditune::test {

// What a launch asks of the CUDA runtime before the launch itself, which a probe brings; all of it succeeds.
// `granted_bytes`: of dynamic shared memory.
inline const std::string kCudaRuntime = R"(
namespace {
[[maybe_unused]] int granted_bytes = 0;
}
extern "C" {
cudaError_t cudaLibraryLoadData(cudaLibrary_t*, const void*, cudaJitOption*, void**, unsigned, cudaLibraryOption*,
                                void**, unsigned) {
  return cudaSuccess;
}
cudaError_t cudaLibraryEnumerateKernels(cudaKernel_t*, unsigned, cudaLibrary_t) { return cudaSuccess; }
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaKernelSetAttributeForDevice(cudaKernel_t, cudaFuncAttribute, int bytes, int) {
  granted_bytes = bytes;
  return cudaSuccess;
}
}
)";

}  // namespace ditune::test
