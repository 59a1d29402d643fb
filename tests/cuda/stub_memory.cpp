// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include "cuda/stub_model.hpp"

namespace ditune::test {
namespace {

struct Free {
  void operator()(void* data) const { std::free(data); }
};
struct Memory {
  std::unique_ptr<void, Free> data;
  std::size_t bytes;
};
std::map<CUdeviceptr, Memory> memory;  // what is not freed, because that call failed, ends with the program

bool is_memory(CUdeviceptr address, std::size_t bytes) {
  const std::scoped_lock lock(stub_mutex);
  const auto after = memory.upper_bound(address);
  if (after == memory.begin()) return false;
  const auto& [begins, its] = *std::prev(after);
  return address + bytes <= begins + its.bytes;
}

void* host(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

CUresult mem_alloc(CUdeviceptr* address, std::size_t bytes) {
  BEGIN(begin_in_context, "cuMemAlloc");
  if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  std::unique_ptr<void, Free> data(std::aligned_alloc(256, (bytes + 255) / 256 * 256));
  if (!data) return CUDA_ERROR_OUT_OF_MEMORY;
  const std::scoped_lock lock(stub_mutex);
  *address = reinterpret_cast<CUdeviceptr>(data.get());
  memory[*address] = {std::move(data), bytes};
  ++stub.live["memory"];
  return CUDA_SUCCESS;
}

CUresult mem_free(CUdeviceptr address) {
  BEGIN(begin_in_context, "cuMemFree");
  const std::scoped_lock lock(stub_mutex);
  if (memory.erase(address) == 0) return CUDA_ERROR_INVALID_VALUE;
  --stub.live["memory"];
  return CUDA_SUCCESS;
}

CUresult mem_get_info(std::size_t* free, std::size_t* total) {
  BEGIN(begin_in_context, "cuMemGetInfo");
  *free = std::size_t{64} << 20;
  *total = std::size_t{80} << 20;
  return CUDA_SUCCESS;
}

CUresult memset_d8_async(CUdeviceptr to, unsigned char value, std::size_t bytes, CUstream) {
  BEGIN(begin_in_context, "cuMemsetD8Async");
  if (!is_memory(to, bytes)) return CUDA_ERROR_INVALID_VALUE;
  std::memset(host(to), value, bytes);
  return CUDA_SUCCESS;
}

// NOLINTNEXTLINE(readability-function-size): the driver's parameters
CUresult memset_d2d8_async(CUdeviceptr to, std::size_t pitch, unsigned char value, std::size_t width,
                           std::size_t height, CUstream) {
  BEGIN(begin_in_context, "cuMemsetD2D8Async");
  if (width > pitch || !is_memory(to, (height - 1) * pitch + width)) return CUDA_ERROR_INVALID_VALUE;
  for (std::size_t row = 0; row < height; ++row) std::memset(host(to + row * pitch), value, width);
  return CUDA_SUCCESS;
}

CUresult memcpy_htod_async(CUdeviceptr to, const void* from, std::size_t bytes, CUstream) {
  BEGIN(begin_in_context, "cuMemcpyHtoDAsync");
  if (!is_memory(to, bytes)) return CUDA_ERROR_INVALID_VALUE;
  std::memcpy(host(to), from, bytes);
  return CUDA_SUCCESS;
}

CUresult memcpy_dtoh_async(void* to, CUdeviceptr from, std::size_t bytes, CUstream) {
  BEGIN(begin_in_context, "cuMemcpyDtoHAsync");
  if (!is_memory(from, bytes)) return CUDA_ERROR_INVALID_VALUE;
  std::memcpy(to, host(from), bytes);
  return CUDA_SUCCESS;
}

CUresult memcpy_dtod_async(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream) {
  BEGIN(begin_in_context, "cuMemcpyDtoDAsync");
  if (!is_memory(from, bytes) || !is_memory(to, bytes)) return CUDA_ERROR_INVALID_VALUE;
  std::memcpy(host(to), host(from), bytes);
  return CUDA_SUCCESS;
}

CUresult memcpy_2d_async(const CUDA_MEMCPY2D* copy, CUstream) {
  BEGIN(begin_in_context, "cuMemcpy2DAsync");
  const bool is_on_device = copy->srcMemoryType == CU_MEMORYTYPE_DEVICE && copy->dstMemoryType == CU_MEMORYTYPE_DEVICE;
  const auto bytes = [&](std::size_t pitch) { return (copy->Height - 1) * pitch + copy->WidthInBytes; };
  if (!is_on_device || copy->srcPitch < copy->WidthInBytes || copy->dstPitch < copy->WidthInBytes ||
      !is_memory(copy->srcDevice, bytes(copy->srcPitch)) || !is_memory(copy->dstDevice, bytes(copy->dstPitch)))
    return CUDA_ERROR_INVALID_VALUE;
  for (std::size_t row = 0; row < copy->Height; ++row)
    std::memcpy(host(copy->dstDevice + row * copy->dstPitch), host(copy->srcDevice + row * copy->srcPitch),
                copy->WidthInBytes);
  return CUDA_SUCCESS;
}

}  // namespace

std::vector<StubEntry> memory_functions() {
  return {
      entry<PFN_cuMemAlloc_v3020>("cuMemAlloc", 3020, mem_alloc),
      entry<PFN_cuMemFree_v3020>("cuMemFree", 3020, mem_free),
      entry<PFN_cuMemGetInfo_v3020>("cuMemGetInfo", 3020, mem_get_info),
      entry<PFN_cuMemsetD8Async_v3020>("cuMemsetD8Async", 3020, memset_d8_async),
      entry<PFN_cuMemsetD2D8Async_v3020>("cuMemsetD2D8Async", 3020, memset_d2d8_async),
      entry<PFN_cuMemcpyHtoDAsync_v3020>("cuMemcpyHtoDAsync", 3020, memcpy_htod_async),
      entry<PFN_cuMemcpyDtoHAsync_v3020>("cuMemcpyDtoHAsync", 3020, memcpy_dtoh_async),
      entry<PFN_cuMemcpyDtoDAsync_v3020>("cuMemcpyDtoDAsync", 3020, memcpy_dtod_async),
      entry<PFN_cuMemcpy2DAsync_v3020>("cuMemcpy2DAsync", 3020, memcpy_2d_async),
  };
}

}  // namespace ditune::test
