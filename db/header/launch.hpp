#if __has_include(<cuda_runtime_api.h>)

#include <cuda_runtime_api.h>

#include <mutex>
#include <type_traits>

namespace ditune_tuned {
namespace detail {

// Loaded at its first launch, and kept: one for all devices of the process.
struct Loaded {
  std::mutex mutex;
  cudaKernel_t handle = nullptr;
  int granted[64] = {};  // by device: bytes of dynamic shared memory, the most that a row of this kernel needed so far
};

inline Loaded& loaded(const Kernel& kernel) {
  static Loaded all[sizeof kernels / sizeof kernels[0]];
  return all[&kernel - kernels];
}

inline cudaError_t load(Loaded& entry, const Kernel& kernel) {
  if (entry.handle) return cudaSuccess;
  cudaLibrary_t library = nullptr;
  const cudaError_t status = cudaLibraryLoadData(&library, kernel.image, nullptr, nullptr, 0, nullptr, nullptr, 0);
  if (status != cudaSuccess) return status;
  return cudaLibraryEnumerateKernels(&entry.handle, 1, library);  // an image holds one
}

inline cudaError_t grant_shared(Loaded& entry, int bytes) {
  int device = 0;
  cudaError_t status = cudaGetDevice(&device);
  if (status != cudaSuccess) return status;
  int* const granted = device < 64 ? &entry.granted[device] : nullptr;
  if (granted && bytes <= *granted) return cudaSuccess;
  status = cudaKernelSetAttributeForDevice(entry.handle, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes, device);
  if (granted && status == cudaSuccess) *granted = bytes;
  return status;
}

inline cudaError_t prepare(const Kernel& kernel, int shared_bytes, cudaKernel_t& handle) {
  Loaded& entry = loaded(kernel);
  const std::lock_guard<std::mutex> lock(entry.mutex);
  cudaError_t status = load(entry, kernel);
  if (status == cudaSuccess) status = grant_shared(entry, shared_bytes);
  handle = entry.handle;
  return status;
}

inline cudaError_t launch(cudaKernel_t kernel, const LaunchPlan& launch_plan, void* parameter, cudaStream_t stream) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(launch_plan.grid));
  config.blockDim = dim3(static_cast<unsigned>(launch_plan.block));
  config.dynamicSmemBytes = static_cast<std::size_t>(launch_plan.shared_bytes);
  config.stream = stream;
  cudaLaunchAttribute attributes[2] = {};
  config.attrs = attributes;
  if (launch_plan.cluster > 1) {
    cudaLaunchAttribute& cluster = attributes[config.numAttrs++];
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim.x = static_cast<unsigned>(launch_plan.cluster);
    cluster.val.clusterDim.y = cluster.val.clusterDim.z = 1;
  }
  if (launch_plan.dependent) {
    cudaLaunchAttribute& dependent = attributes[config.numAttrs++];
    dependent.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    dependent.val.programmaticStreamSerializationAllowed = 1;
  }
  void* parameters[] = {parameter};
  return cudaLaunchKernelExC(&config, static_cast<const void*>(kernel), parameters);
}

}  // namespace detail

// @launch@

}  // namespace ditune_tuned

#endif  // __has_include(<cuda_runtime_api.h>)
