// SPDX-License-Identifier: Apache-2.0
// What the examples of the C++ API share: CUDA handles that free themselves, and random operands.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

// Exit code of an example that finds no GPU.
inline constexpr int kSkipped = 77;

inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
}

inline bool has_gpu() {
  int gpus = 0;
  return cudaGetDeviceCount(&gpus) == cudaSuccess && gpus > 0;
}

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* handle) const noexcept {
    static_cast<void>(destroy(handle));
  }
};
using DeviceMemory = std::unique_ptr<void, Destroy<cudaFree>>;
using Stream = std::unique_ptr<CUstream_st, Destroy<cudaStreamDestroy>>;
using Event = std::unique_ptr<CUevent_st, Destroy<cudaEventDestroy>>;
using Graph = std::unique_ptr<CUgraph_st, Destroy<cudaGraphDestroy>>;
using GraphExec = std::unique_ptr<CUgraphExec_st, Destroy<cudaGraphExecDestroy>>;

inline Stream make_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreate(&stream), "cudaStreamCreate");
  return Stream(stream);
}

// Null for no bytes.
inline DeviceMemory allocate_zeroed(std::size_t bytes) {
  void* memory = nullptr;
  if (bytes > 0) check(cudaMalloc(&memory, bytes), "cudaMalloc");
  DeviceMemory owner(memory);
  if (bytes > 0) check(cudaMemset(memory, 0, bytes), "cudaMemset");
  return owner;
}

template <class T>
DeviceMemory upload(const std::vector<T>& values) {
  DeviceMemory memory = allocate_zeroed(values.size() * sizeof(T));
  if (!values.empty())
    check(cudaMemcpy(memory.get(), values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  return memory;
}

// Waits for what the legacy stream waits for, and tells of its failure.
template <class T>
std::vector<T> download(const DeviceMemory& memory, std::size_t count) {
  std::vector<T> values(count);
  check(cudaMemcpy(values.data(), memory.get(), count * sizeof(T), cudaMemcpyDeviceToHost), "a kernel or its copy");
  return values;
}

// Of -127 to 127.
inline std::vector<signed char> random_int8(std::size_t count, std::minstd_rand& random) {
  std::vector<signed char> values(count);
  for (signed char& value : values) value = static_cast<signed char>(static_cast<int>(random() % 255) - 127);
  return values;
}

inline std::vector<float> random_scales(std::size_t count, std::minstd_rand& random) {
  std::vector<float> values(count);
  for (float& value : values) value = 1e-3f * static_cast<float>(1 + random() % 1000);
  return values;
}

}  // namespace example
