// SPDX-License-Identifier: Apache-2.0
// What the stub of libcuda.so.1 exports; the rest is found through cuGetProcAddress.
#include <initializer_list>
#include <string_view>
#include <utility>

#include "cuda/stub_model.hpp"

using namespace ditune::test;

namespace {

CUresult of_another_version() { return CUDA_ERROR_UNKNOWN; }

std::vector<StubEntry> functions() {
  // Those of another signature, or newer than what is asked for.
  std::vector<StubEntry> all;
  for (const auto& [name, version] : std::initializer_list<std::pair<const char*, int>>{{"cuMemAlloc", 2000},
                                                                                        {"cuMemFree", 2000},
                                                                                        {"cuMemGetInfo", 2000},
                                                                                        {"cuMemcpyHtoDAsync", 2000},
                                                                                        {"cuMemcpyDtoHAsync", 2000},
                                                                                        {"cuMemcpyDtoDAsync", 3000},
                                                                                        {"cuMemcpy2DAsync", 2000},
                                                                                        {"cuDeviceGetUuid", 11040},
                                                                                        {"cuStreamDestroy", 2000},
                                                                                        {"cuEventDestroy", 2000},
                                                                                        {"cuStreamBeginCapture", 10000},
                                                                                        {"cuEventElapsedTime", 12080},
                                                                                        {"cuCtxGetDevice", 13000},
                                                                                        {"cuCtxSynchronize", 13000}})
    all.push_back({name, version, reinterpret_cast<void*>(of_another_version)});
  for (const auto& some : {device_functions(), stream_functions(), memory_functions(), kernel_functions()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): the driver's names
extern "C" {

Stub* ditune_stub() { return &stub; }

CUresult cuDriverGetVersion(int* version) {
  *version = stub.version;
  return CUDA_SUCCESS;
}

CUresult cuGetProcAddress_v2(const char* name, void** function, int version, cuuint64_t flags,
                             CUdriverProcAddressQueryResult* found) {
  static const std::vector<StubEntry> all = functions();
  *function = nullptr;
  *found = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
  if (flags != CU_GET_PROC_ADDRESS_LEGACY_STREAM || version > stub.version) return CUDA_ERROR_INVALID_VALUE;
  if (stub.lacks == name) return CUDA_ERROR_NOT_FOUND;
  int newest = 0;
  for (const StubEntry& entry : all) {
    if (std::string_view(entry.name) != name || entry.version > version || entry.version < newest) continue;
    newest = entry.version;
    *function = entry.address;
    *found = CU_GET_PROC_ADDRESS_SUCCESS;
  }
  return *function ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

}  // extern "C"
// NOLINTEND(readability-identifier-naming)
