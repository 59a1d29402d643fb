// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda_api.hpp"

#include <fmt/format.h>

namespace ditune {
namespace {

constexpr int kOldest = 12000;  // a driver has the functions of all versions of CUDA up to its own
constexpr const char* kNewerDriver = "install an NVIDIA driver for CUDA 12.0 (R525) or newer";

// What to do about the errors that a user can do something about.
const char* remedy(CUresult status) {
  switch (status) {
    case CUDA_ERROR_OUT_OF_MEMORY:
      return "free GPU memory or choose a smaller problem";
    case CUDA_ERROR_NO_DEVICE:
      return "name a target with --arch or --gpu to go on without a GPU";
    case CUDA_ERROR_INVALID_DEVICE:
      return "`ditune devices` lists the visible ones";
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
      return "compile for the arch of this GPU";
    case CUDA_ERROR_INVALID_IMAGE:
    case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
      return "install an NVIDIA driver that is as new as the NVRTC that compiled it, or name an older NVRTC";
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
      return "wait for the process that holds the GPU exclusively";
    case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH:
      return "restart the machine: the driver's library is newer than its kernel module";
    default:
      return "the CUDA Driver API lists what the name stands for";
  }
}

}  // namespace

void check_cuda(CUresult status, const char* expression) {
  if (status == CUDA_SUCCESS) return;
  const CudaApi& cuda = installed_cuda();
  const std::string what = fmt::format("{}: {}, {}", expression, cuda.name_of(status), cuda.text_of(status));
  if (status == CUDA_ERROR_OUT_OF_MEMORY) throw DeviceMemoryError(what, remedy(status));
  throw CudaError(what, remedy(status));
}

std::string cuda_version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

CudaApi::CudaApi(std::span<const char* const> libraries)
    : library_(libraries),
      version_(read_version()),
      // By the name that CUDA 12.0 gave it: the plain one is that of 11.3, which has a parameter less.
      get_proc_address_(library_.function<std::remove_pointer_t<PFN_cuGetProcAddress_v12000>>("cuGetProcAddress_v2")) {
  if (problem_) return;
  if (const CUresult status = init(0); status != CUDA_SUCCESS)
    problem_ = CudaError(fmt::format("cuInit: {}, {}", name_of(status), text_of(status)), remedy(status));
}

int CudaApi::read_version() {
  int version = 0;
  if (!library_) {
    problem_ = library_.is_there() ? CudaError("the CUDA driver cannot be loaded: " + library_.error(), kNewerDriver)
                                   : CudaError("there is no CUDA driver: " + library_.error(), kNewerDriver);
    return version;
  }
  auto* const driver_get_version =
      library_.function<std::remove_pointer_t<PFN_cuDriverGetVersion_v2020>>("cuDriverGetVersion");
  if (!driver_get_version || driver_get_version(&version) != CUDA_SUCCESS)
    problem_ = CudaError(library_.path() + " is no CUDA driver", kNewerDriver);  // a library of that name
  else if (version < kOldest)
    problem_ = CudaError(fmt::format("the CUDA driver is for CUDA {}", cuda_version_text(version)), kNewerDriver);
  return version;
}

CudaApi::Symbol CudaApi::find(const char* name, int version) {
  if (problem_) return {nullptr};
  void* address = nullptr;
  CUdriverProcAddressQueryResult found = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
  // Legacy: a null stream is the one that it is for the CUDA runtime by default.
  if (!get_proc_address_ ||
      get_proc_address_(name, &address, version, CU_GET_PROC_ADDRESS_LEGACY_STREAM, &found) != CUDA_SUCCESS ||
      found != CU_GET_PROC_ADDRESS_SUCCESS || !address) {
    problem_ = CudaError(fmt::format("the CUDA driver has no {}", name), kNewerDriver);
    return {nullptr};
  }
  return {address};
}

std::string CudaApi::name_of(CUresult status) const {
  const char* name = nullptr;
  if (get_error_name && get_error_name(status, &name) == CUDA_SUCCESS && name) return name;
  return fmt::format("error {}", static_cast<int>(status));
}

std::string CudaApi::text_of(CUresult status) const {
  const char* text = nullptr;
  if (get_error_string && get_error_string(status, &text) == CUDA_SUCCESS && text) return text;
  return fmt::format("CUDA's error {}", static_cast<int>(status));
}

// Ordinals are those of the devices that the process sees.
CUcontext CudaApi::primary_context(int ordinal) const {
  const std::scoped_lock lock(mutex_);
  CUdevice device = 0;
  DITUNE_CUDA(device_get(&device, ordinal));
  const auto index = static_cast<std::size_t>(ordinal);
  if (index >= primary_contexts_.size()) primary_contexts_.resize(index + 1);
  CUcontext& context = primary_contexts_[index];
  if (!context) DITUNE_CUDA(primary_ctx_retain(&context, device));
  return context;
}

void CudaApi::use_device(int ordinal) const { DITUNE_CUDA(ctx_set_current(primary_context(ordinal))); }

void CudaApi::need_context(int ordinal) const {
  CUcontext current = nullptr;
  DITUNE_CUDA(ctx_get_current(&current));
  if (!current) use_device(ordinal);
}

const CudaApi& cuda() {
  const CudaApi& api = installed_cuda();
  if (api.problem()) throw CudaError(*api.problem());
  return api;
}

const CudaApi& cuda_on_device(int ordinal) {
  const CudaApi& api = cuda();
  api.need_context(ordinal);
  return api;
}

}  // namespace ditune
