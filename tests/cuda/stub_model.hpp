// SPDX-License-Identifier: Apache-2.0
// What the parts of the stub of libcuda.so.1 share: contexts, streams, events, memory, captures and launches as the
// CUDA Driver API describes them, as far as ditune needs them. What is refused there is refused here. Images that begin
// with "bad" fit no device, and kernels whose names begin with "no_" are in none. Kernels do nothing.
#pragma once

#include <cudaTypedefs.h>

#include <mutex>
#include <optional>
#include <set>
#include <type_traits>
#include <vector>

#include "cuda/stub.hpp"

struct CUctx_st {
  int device;
};
struct CUgraph_st {
  std::vector<ditune::test::StubLaunch> launches;
};
struct CUgraphExec_st {
  std::vector<ditune::test::StubLaunch> launches;
};
struct CUstream_st {
  CUcontext context;
  std::optional<CUgraph_st> capture;
};
struct CUevent_st {
  bool is_recorded;
};
struct CUlib_st {
  std::string image;
};
struct CUkern_st {
  std::string name;
  std::set<CUcontext> loaded_in;
};
struct CUfunc_st {
  CUkernel kernel;
};

namespace ditune::test {

// A function as a version of CUDA has it.
struct StubEntry {
  const char* name;
  int version;
  void* address;
};
template <class Function>
StubEntry entry(const char* name, int version, std::type_identity_t<Function> function) {
  return {name, version, reinterpret_cast<void*>(function)};
}
std::vector<StubEntry> device_functions();
std::vector<StubEntry> stream_functions();
std::vector<StubEntry> memory_functions();
std::vector<StubEntry> kernel_functions();

inline Stub stub;
inline std::recursive_mutex stub_mutex;
inline thread_local CUcontext current_context = nullptr;

// What every function begins with: it is written down, and fails if it is to.
CUresult begin(const char* function);
// The same of one that needs a current context.
CUresult begin_in_context(const char* function);
#define BEGIN(how, function) \
  if (const CUresult status = how(function); status != CUDA_SUCCESS) return status

inline bool is_device(int device) { return device >= 0 && device < stub.devices; }

// Handles that there are, by kind.
template <class Handle>
CUresult made(const char* kind, Handle** handle, Handle* value) {
  const std::scoped_lock lock(stub_mutex);
  ++stub.live[kind];
  *handle = value;
  return CUDA_SUCCESS;
}
template <class Handle>
CUresult destroyed(const char* kind, Handle* handle) {
  const std::scoped_lock lock(stub_mutex);
  --stub.live[kind];
  delete handle;
  return CUDA_SUCCESS;
}

}  // namespace ditune::test
