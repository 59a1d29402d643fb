// SPDX-License-Identifier: Apache-2.0
// The functions of the CUDA driver, opened with dlopen. All that ditune asks of CUDA is here: of a driver for CUDA 12.0
// or newer, and of no CUDA runtime.
#pragma once

#include <cudaTypedefs.h>

#include <array>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "ditune/error.hpp"
#include "runtime/dylib.hpp"

namespace ditune {

inline constexpr std::array kCudaLibraries = {"libcuda.so.1"};

// Throws CudaError with the expression, the driver's name and text for the status, and what to do about it.
void check_cuda(CUresult status, const char* expression);
#define DITUNE_CUDA(expression) ::ditune::check_cuda((expression), #expression)

// CUDA's versions are 1000 * major + 10 * minor: "12.4".
std::string cuda_version_text(int version);

// There is less device memory left than a call takes.
class DeviceMemoryError : public CudaError {
 public:
  using CudaError::CudaError;
};

class CudaApi {
  // First, since the functions are found with them.
  std::optional<CudaError> problem_;
  Dylib library_;
  int version_;
  PFN_cuGetProcAddress_v12000 get_proc_address_;

  // Converts to the type of what it initializes.
  struct Symbol {
    void* address;
    template <class Function>
    operator Function() const {
      return reinterpret_cast<Function>(address);
    }
  };
  // The function as that version of CUDA has it, or null, which is a problem.
  Symbol find(const char* name, int version = 12000);

 public:
  // Of `libraries` the first that opens. No driver, one that is too old, or no GPU: a state, not an error.
  explicit CudaApi(std::span<const char* const> libraries = kCudaLibraries);
  CudaApi(const CudaApi&) = delete;
  CudaApi& operator=(const CudaApi&) = delete;

  // Why nothing can be called. Nothing: the driver is initialized.
  const std::optional<CudaError>& problem() const { return problem_; }
  // Of the CUDA that the driver supports: 12040 for 12.4; 0 without a driver. Also of one that is too old.
  int version() const { return version_; }
  // "CUDA_ERROR_OUT_OF_MEMORY" and "out of memory"; the number where no driver tells.
  std::string name_of(CUresult status) const;
  std::string text_of(CUresult status) const;

  // The device's primary context, which the CUDA runtime uses too, becomes the calling thread's current one. It is
  // retained once and never released. Throws CudaError.
  void use_device(int ordinal) const;
  // The same if the thread has no current context; else changes nothing. Takes no lock if it has one.
  void need_context(int ordinal = 0) const;

  // The typedefs carry the version that a function's signature came with: the last one up to 12.0.
  PFN_cuInit_v2000 init = find("cuInit");
  PFN_cuGetErrorName_v6000 get_error_name = find("cuGetErrorName");
  PFN_cuGetErrorString_v6000 get_error_string = find("cuGetErrorString");

  PFN_cuDeviceGetCount_v2000 device_get_count = find("cuDeviceGetCount");
  PFN_cuDeviceGet_v2000 device_get = find("cuDeviceGet");
  PFN_cuDeviceGetName_v2000 device_get_name = find("cuDeviceGetName");
  PFN_cuDeviceGetAttribute_v2000 device_get_attribute = find("cuDeviceGetAttribute");
  // The later one tells a MIG instance's, which NVML does not know as a GPU's.
  PFN_cuDeviceGetUuid_v9020 device_get_uuid = find("cuDeviceGetUuid", 9020);

  PFN_cuDevicePrimaryCtxRetain_v7000 primary_ctx_retain = find("cuDevicePrimaryCtxRetain");
  PFN_cuCtxGetCurrent_v4000 ctx_get_current = find("cuCtxGetCurrent");
  PFN_cuCtxSetCurrent_v4000 ctx_set_current = find("cuCtxSetCurrent");
  PFN_cuCtxGetDevice_v2000 ctx_get_device = find("cuCtxGetDevice");
  PFN_cuCtxSynchronize_v2000 ctx_synchronize = find("cuCtxSynchronize");

  PFN_cuStreamCreate_v2000 stream_create = find("cuStreamCreate");
  PFN_cuStreamDestroy_v4000 stream_destroy = find("cuStreamDestroy");
  PFN_cuStreamSynchronize_v2000 stream_synchronize = find("cuStreamSynchronize");
  PFN_cuStreamIsCapturing_v10000 stream_is_capturing = find("cuStreamIsCapturing");
  PFN_cuStreamBeginCapture_v10010 stream_begin_capture = find("cuStreamBeginCapture");
  PFN_cuStreamEndCapture_v10000 stream_end_capture = find("cuStreamEndCapture");

  PFN_cuEventCreate_v2000 event_create = find("cuEventCreate");
  PFN_cuEventDestroy_v4000 event_destroy = find("cuEventDestroy");
  PFN_cuEventRecord_v2000 event_record = find("cuEventRecord");
  PFN_cuEventSynchronize_v2000 event_synchronize = find("cuEventSynchronize");
  PFN_cuEventElapsedTime_v2000 event_elapsed_time = find("cuEventElapsedTime");

  PFN_cuMemAlloc_v3020 mem_alloc = find("cuMemAlloc");
  PFN_cuMemFree_v3020 mem_free = find("cuMemFree");
  PFN_cuMemGetInfo_v3020 mem_get_info = find("cuMemGetInfo");
  PFN_cuMemsetD8Async_v3020 memset_d8_async = find("cuMemsetD8Async");
  PFN_cuMemsetD2D8Async_v3020 memset_d2d8_async = find("cuMemsetD2D8Async");
  PFN_cuMemcpyHtoDAsync_v3020 memcpy_htod_async = find("cuMemcpyHtoDAsync");
  PFN_cuMemcpyDtoHAsync_v3020 memcpy_dtoh_async = find("cuMemcpyDtoHAsync");
  PFN_cuMemcpyDtoDAsync_v3020 memcpy_dtod_async = find("cuMemcpyDtoDAsync");
  PFN_cuMemcpy2DAsync_v3020 memcpy_2d_async = find("cuMemcpy2DAsync");

  PFN_cuLibraryLoadData_v12000 library_load_data = find("cuLibraryLoadData");
  PFN_cuLibraryUnload_v12000 library_unload = find("cuLibraryUnload");
  PFN_cuLibraryGetKernel_v12000 library_get_kernel = find("cuLibraryGetKernel");
  PFN_cuKernelGetFunction_v12000 kernel_get_function = find("cuKernelGetFunction");
  PFN_cuKernelSetAttribute_v12000 kernel_set_attribute = find("cuKernelSetAttribute");
  PFN_cuFuncGetAttribute_v2020 func_get_attribute = find("cuFuncGetAttribute");
  PFN_cuLaunchKernelEx_v11060 launch_kernel_ex = find("cuLaunchKernelEx");

  PFN_cuGraphInstantiateWithFlags_v11040 graph_instantiate_with_flags = find("cuGraphInstantiateWithFlags");
  PFN_cuGraphLaunch_v10000 graph_launch = find("cuGraphLaunch");
  PFN_cuGraphDestroy_v10000 graph_destroy = find("cuGraphDestroy");
  PFN_cuGraphExecDestroy_v10000 graph_exec_destroy = find("cuGraphExecDestroy");

  PFN_cuTensorMapEncodeTiled_v12000 tensor_map_encode_tiled = find("cuTensorMapEncodeTiled");
  PFN_cuTensorMapReplaceAddress_v12000 tensor_map_replace_address = find("cuTensorMapReplaceAddress");

 private:
  int read_version();
  CUcontext primary_context(int ordinal) const;

  mutable std::mutex mutex_;
  mutable std::vector<CUcontext> primary_contexts_;  // by ordinal; null: not retained yet
};

// The driver that is installed, in whatever state; opened when it is first asked for.
const CudaApi& installed_cuda();
// The same, ready to be called. Throws CudaError that says what is missing.
const CudaApi& cuda();
// The same where a call needs a current context: a thread without one gets the device's.
const CudaApi& cuda_on_device(int ordinal = 0);

}  // namespace ditune
