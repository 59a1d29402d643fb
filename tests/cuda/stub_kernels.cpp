// SPDX-License-Identifier: Apache-2.0
// Libraries, kernels, their launches and tensor maps.
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "cuda/stub_model.hpp"

namespace ditune::test {
namespace {

std::map<CUkernel, std::unique_ptr<CUkern_st>> kernels;  // that were ever asked for

// NOLINTNEXTLINE(readability-function-size): the driver's parameters
CUresult library_load_data(CUlibrary* library, const void* code, CUjit_option*, void**, unsigned jit_options,
                           CUlibraryOption*, void**, unsigned library_options) {
  BEGIN(begin, "cuLibraryLoadData");
  if (jit_options != 0 || library_options != 0) return CUDA_ERROR_INVALID_VALUE;
  const std::string_view image = static_cast<const char*>(code);
  if (image.starts_with("bad")) return CUDA_ERROR_NO_BINARY_FOR_GPU;
  return made("library", library, new CUlib_st{std::string(image)});
}

CUresult library_unload(CUlibrary library) {
  BEGIN(begin, "cuLibraryUnload");
  return destroyed("library", library);
}

CUresult library_get_kernel(CUkernel* kernel, CUlibrary, const char* name) {
  BEGIN(begin, "cuLibraryGetKernel");
  if (std::string_view(name).starts_with("no_")) return CUDA_ERROR_NOT_FOUND;
  auto made = std::make_unique<CUkern_st>(CUkern_st{name, {}});
  const std::scoped_lock lock(stub_mutex);
  *kernel = made.get();
  kernels.emplace(*kernel, std::move(made));
  return CUDA_SUCCESS;
}

// The function of a kernel in a context: loads it there.
CUresult kernel_get_function(CUfunction* function, CUkernel kernel) {
  BEGIN(begin_in_context, "cuKernelGetFunction");
  static std::map<CUkernel, CUfunc_st> functions;
  const std::scoped_lock lock(stub_mutex);
  kernel->loaded_in.insert(current_context);
  *function = &functions.try_emplace(kernel, CUfunc_st{kernel}).first->second;
  return CUDA_SUCCESS;
}

CUresult func_get_attribute(int* value, CUfunction_attribute name, CUfunction) {
  BEGIN(begin_in_context, "cuFuncGetAttribute");
  *value = stub.stack_bytes;
  return name == CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult kernel_set_attribute(CUfunction_attribute name, int value, CUkernel kernel, CUdevice device) {
  BEGIN(begin, "cuKernelSetAttribute");
  if (!is_device(device)) return CUDA_ERROR_INVALID_DEVICE;
  if (name != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value > 232448) return CUDA_ERROR_INVALID_VALUE;
  const std::scoped_lock lock(stub_mutex);
  stub.shared_limits[kernel->name] = value;
  return CUDA_SUCCESS;
}

StubLaunch read(const CUlaunchConfig& config, const CUkern_st& kernel, void* const* parameters) {
  StubLaunch launch{.kernel = kernel.name,
                    .stream = config.hStream,
                    .grid = config.gridDimX,
                    .block = config.blockDimX,
                    .shared_bytes = config.sharedMemBytes};
  std::memcpy(&launch.parameter, parameters[0], sizeof launch.parameter);
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const CUlaunchAttribute& attribute = config.attrs[i];
    if (attribute.id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION) launch.cluster = attribute.value.clusterDim.x;
    if (attribute.id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION)
      launch.is_dependent = attribute.value.programmaticStreamSerializationAllowed == 1;
  }
  return launch;
}

CUresult launch_kernel_ex(const CUlaunchConfig* config, CUfunction function, void** parameters, void** extra) {
  // Of a kernel alone, not of its function in one context; the stream may stand for the context.
  BEGIN(begin, "cuLaunchKernelEx");
  const std::scoped_lock lock(stub_mutex);
  auto* const kernel = reinterpret_cast<CUkernel>(function);
  const CUcontext context = config->hStream ? config->hStream->context : current_context;
  if (!context) return CUDA_ERROR_INVALID_CONTEXT;
  if (!kernels.contains(kernel) || extra) return CUDA_ERROR_INVALID_HANDLE;
  const auto limit = stub.shared_limits.find(kernel->name);
  if (config->sharedMemBytes > (limit == stub.shared_limits.end() ? 49152U : static_cast<unsigned>(limit->second)) ||
      config->gridDimX == 0 || config->gridDimY != 1 || config->gridDimZ != 1 || config->blockDimX == 0 ||
      config->blockDimY != 1 || config->blockDimZ != 1)
    return CUDA_ERROR_INVALID_VALUE;
  StubLaunch launch = read(*config, *kernel, parameters);
  launch.device = context->device;
  const bool is_captured = config->hStream && config->hStream->capture;
  if (kernel->loaded_in.insert(context).second && is_captured) ++stub.loads_under_capture;
  (is_captured ? config->hStream->capture->launches : stub.launches).push_back(launch);
  return CUDA_SUCCESS;
}

// NOLINTNEXTLINE(readability-function-size): the driver's parameters
CUresult tensor_map_encode_tiled(CUtensorMap* map, CUtensorMapDataType, cuuint32_t rank, void* base, const cuuint64_t*,
                                 const cuuint64_t* strides, const cuuint32_t* box, const cuuint32_t*,
                                 CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion,
                                 CUtensorMapFloatOOBfill) {
  BEGIN(begin_in_context, "cuTensorMapEncodeTiled");
  if (rank != 2 || reinterpret_cast<std::uintptr_t>(base) % 16 != 0 || strides[0] % 16 != 0 || box[1] > 256)
    return CUDA_ERROR_INVALID_VALUE;
  *map = {};
  std::memcpy(map, &base, sizeof base);
  return CUDA_SUCCESS;
}

CUresult tensor_map_replace_address(CUtensorMap* map, void* base) {
  BEGIN(begin_in_context, "cuTensorMapReplaceAddress");
  if (reinterpret_cast<std::uintptr_t>(base) % 16 != 0) return CUDA_ERROR_INVALID_VALUE;
  std::memcpy(map, &base, sizeof base);
  return CUDA_SUCCESS;
}

}  // namespace

std::vector<StubEntry> kernel_functions() {
  return {
      entry<PFN_cuLibraryLoadData_v12000>("cuLibraryLoadData", 12000, library_load_data),
      entry<PFN_cuLibraryUnload_v12000>("cuLibraryUnload", 12000, library_unload),
      entry<PFN_cuLibraryGetKernel_v12000>("cuLibraryGetKernel", 12000, library_get_kernel),
      entry<PFN_cuKernelGetFunction_v12000>("cuKernelGetFunction", 12000, kernel_get_function),
      entry<PFN_cuKernelSetAttribute_v12000>("cuKernelSetAttribute", 12000, kernel_set_attribute),
      entry<PFN_cuFuncGetAttribute_v2020>("cuFuncGetAttribute", 2020, func_get_attribute),
      entry<PFN_cuLaunchKernelEx_v11060>("cuLaunchKernelEx", 11060, launch_kernel_ex),
      entry<PFN_cuTensorMapEncodeTiled_v12000>("cuTensorMapEncodeTiled", 12000, tensor_map_encode_tiled),
      entry<PFN_cuTensorMapReplaceAddress_v12000>("cuTensorMapReplaceAddress", 12000, tensor_map_replace_address),
  };
}

}  // namespace ditune::test
