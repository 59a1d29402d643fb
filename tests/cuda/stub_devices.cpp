// SPDX-License-Identifier: Apache-2.0
// Errors, devices and contexts.
#include <array>
#include <cstring>

#include "cuda/stub_model.hpp"

namespace ditune::test {

static bool is_initialized = false;

CUresult begin(const char* function) {
  const std::scoped_lock lock(stub_mutex);
  stub.calls.emplace_back(function);
  if (const auto failure = stub.failures.find(function); failure != stub.failures.end()) return failure->second;
  return is_initialized ? CUDA_SUCCESS : CUDA_ERROR_NOT_INITIALIZED;
}

CUresult begin_in_context(const char* function) {
  const CUresult status = begin(function);
  return status == CUDA_SUCCESS && !current_context ? CUDA_ERROR_INVALID_CONTEXT : status;
}

namespace {

std::array<CUctx_st, 8> primaries = {{{0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}}};

CUresult init(unsigned flags) {
  stub.calls.emplace_back("cuInit");
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  is_initialized = stub.init == CUDA_SUCCESS;
  return stub.init;
}

CUresult get_error_name(CUresult error, const char** text) {
  static const std::map<CUresult, const char*> names = {
      {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"},
      {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
      {CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE"},
      {CUDA_ERROR_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE"},
      {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"},
      {CUDA_ERROR_NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
      {CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
      {CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"},
      {CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED"}};
  const auto found = names.find(error);
  *text = found == names.end() ? nullptr : found->second;
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult get_error_string(CUresult error, const char** text) {
  const char* name = nullptr;
  *text = get_error_name(error, &name) == CUDA_SUCCESS ? "what the stub says of it" : nullptr;
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult device_get_count(int* count) {
  BEGIN(begin, "cuDeviceGetCount");
  *count = stub.devices;
  return CUDA_SUCCESS;
}

CUresult device_get(CUdevice* device, int ordinal) {
  BEGIN(begin, "cuDeviceGet");
  *device = ordinal;
  return is_device(ordinal) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult device_get_name(char* name, int size, CUdevice device) {
  BEGIN(begin, "cuDeviceGetName");
  std::strncpy(name, "NVIDIA H100 80GB HBM3", static_cast<std::size_t>(size));
  return is_device(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult device_get_attribute(int* value, CUdevice_attribute name, CUdevice device) {
  BEGIN(begin, "cuDeviceGetAttribute");
  static const std::map<CUdevice_attribute, int> values = {
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9},
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0},
      {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 132},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 233472},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 232448},
      {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
      {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048},
      {CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, 32},
      {CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 1 << 20},
      {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1980000},
      {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 2619000},
      {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 5120}};
  const auto found = values.find(name);
  if (found == values.end()) return CUDA_ERROR_INVALID_VALUE;
  *value = found->second;
  return is_device(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult device_get_uuid(CUuuid* uuid, CUdevice device) {
  BEGIN(begin, "cuDeviceGetUuid");
  for (int i = 0; i < 16; ++i) uuid->bytes[i] = static_cast<char>(0xF0 * device + i);
  return is_device(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult primary_ctx_retain(CUcontext* context, CUdevice device) {
  BEGIN(begin, "cuDevicePrimaryCtxRetain");
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  const std::scoped_lock lock(stub_mutex);
  ++stub.retained[device];
  *context = &primaries.at(static_cast<std::size_t>(device));
  return CUDA_SUCCESS;
}

CUresult ctx_get_current(CUcontext* context) {
  BEGIN(begin, "cuCtxGetCurrent");
  *context = current_context;
  return CUDA_SUCCESS;
}

CUresult ctx_set_current(CUcontext context) {
  BEGIN(begin, "cuCtxSetCurrent");
  current_context = context;
  return CUDA_SUCCESS;
}

CUresult ctx_get_device(CUdevice* device) {
  BEGIN(begin_in_context, "cuCtxGetDevice");
  *device = current_context->device;
  return CUDA_SUCCESS;
}

CUresult ctx_synchronize() { return begin_in_context("cuCtxSynchronize"); }

}  // namespace

std::vector<StubEntry> device_functions() {
  return {
      entry<PFN_cuInit_v2000>("cuInit", 2000, init),
      entry<PFN_cuGetErrorName_v6000>("cuGetErrorName", 6000, get_error_name),
      entry<PFN_cuGetErrorString_v6000>("cuGetErrorString", 6000, get_error_string),
      entry<PFN_cuDeviceGetCount_v2000>("cuDeviceGetCount", 2000, device_get_count),
      entry<PFN_cuDeviceGet_v2000>("cuDeviceGet", 2000, device_get),
      entry<PFN_cuDeviceGetName_v2000>("cuDeviceGetName", 2000, device_get_name),
      entry<PFN_cuDeviceGetAttribute_v2000>("cuDeviceGetAttribute", 2000, device_get_attribute),
      entry<PFN_cuDeviceGetUuid_v9020>("cuDeviceGetUuid", 9020, device_get_uuid),
      entry<PFN_cuDevicePrimaryCtxRetain_v7000>("cuDevicePrimaryCtxRetain", 7000, primary_ctx_retain),
      entry<PFN_cuCtxGetCurrent_v4000>("cuCtxGetCurrent", 4000, ctx_get_current),
      entry<PFN_cuCtxSetCurrent_v4000>("cuCtxSetCurrent", 4000, ctx_set_current),
      entry<PFN_cuCtxGetDevice_v2000>("cuCtxGetDevice", 2000, ctx_get_device),
      entry<PFN_cuCtxSynchronize_v2000>("cuCtxSynchronize", 2000, ctx_synchronize),
  };
}

}  // namespace ditune::test
