// SPDX-License-Identifier: Apache-2.0
// What stub_libcuda.cpp, a CUDA driver without a GPU, shares with the tests that load it.
#pragma once

#include <cuda.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace ditune::test {

struct StubLaunch {
  std::string kernel;
  int device = 0;
  CUstream stream = nullptr;
  unsigned grid = 0, block = 0, shared_bytes = 0, cluster = 0;
  bool is_dependent = false;
  long long parameter = 0;  // its first eight bytes
  bool operator==(const StubLaunch&) const = default;
};

struct Stub {
  // What the driver is to be; before a CudaApi is made of it.
  int version = 12000;
  int devices = 2;
  CUresult init = CUDA_SUCCESS;
  int stack_bytes = 0;                            // of a thread of any kernel
  std::string lacks = {};                         // a function
  std::map<std::string, CUresult> failures = {};  // of functions, until they are taken out

  // What it was asked for.
  std::vector<std::string> calls = {};  // functions, in order
  std::vector<StubLaunch> launches = {};
  std::map<int, int> retained = {};               // primary contexts, by device
  std::map<std::string, int> live = {};           // "stream", "event", "memory", "library", "graph", "executable"
  std::map<std::string, int> shared_limits = {};  // that were set, by kernel
  int loads_under_capture = 0;                    // kernels that a launch loads
};

// Of the library that is loaded, the one there is.
inline constexpr const char* kStubFunction = "ditune_stub";
using StubFunction = Stub*();

}  // namespace ditune::test
