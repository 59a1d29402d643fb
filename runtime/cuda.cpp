// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <mutex>

namespace ditune {
namespace {

// What to do about the errors that a user can do something about.
const char* remedy(cudaError_t status) {
  switch (status) {
    case cudaErrorMemoryAllocation:
      return "free GPU memory or choose a smaller problem";
    case cudaErrorInsufficientDriver:
      return "install a newer NVIDIA driver; a build with CUDA 13 needs R580";
    case cudaErrorNoDevice:
      return "name a target with --arch or --gpu to go on without a GPU";
    case cudaErrorInvalidDevice:
      return "`ditune devices` lists the visible ones";
    case cudaErrorNoKernelImageForDevice:
      return "compile for the arch of this GPU";
    case cudaErrorDevicesUnavailable:
      return "wait for the process that holds the GPU exclusively";
    default:
      return "the CUDA Runtime API lists what the name stands for";
  }
}

}  // namespace

void check_cuda(cudaError_t status, const char* expression) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // so that the next call is not blamed
  throw CudaError(fmt::format("{}: {}, {}", expression, cudaGetErrorName(status), cudaGetErrorString(status)),
                  remedy(status));
}

Stream::Stream() {
  cudaStream_t stream = nullptr;
  DITUNE_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  handle_.reset(stream);
}

void Stream::synchronize() const { DITUNE_CUDA(cudaStreamSynchronize(get())); }

void Stream::Destroy::operator()(cudaStream_t stream) const noexcept { cudaStreamDestroy(stream); }

Event::Event() {
  cudaEvent_t event = nullptr;
  DITUNE_CUDA(cudaEventCreate(&event));
  handle_.reset(event);
}

void Event::record(const Stream& stream) const { DITUNE_CUDA(cudaEventRecord(get(), stream.get())); }

void Event::synchronize() const { DITUNE_CUDA(cudaEventSynchronize(get())); }

void Event::Destroy::operator()(cudaEvent_t event) const noexcept { cudaEventDestroy(event); }

double elapsed_us(const Event& from, const Event& to) {
  float milliseconds = 0;
  DITUNE_CUDA(cudaEventElapsedTime(&milliseconds, from.get(), to.get()));
  return 1e3 * static_cast<double>(milliseconds);
}

DeviceBuffer::DeviceBuffer(std::size_t bytes) : bytes_(bytes) {
  void* data = nullptr;
  DITUNE_CUDA(cudaMalloc(&data, bytes));
  data_.reset(data);
}

void DeviceBuffer::Free::operator()(void* data) const noexcept { cudaFree(data); }

struct Kernel::Loaded {
  Loaded() = default;
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;
  ~Loaded() {
    if (library) cudaLibraryUnload(library);
  }

  // Dynamic shared memory beyond 48 KB has to be asked for: CUDA C++ Programming Guide, "Shared Memory" of each arch.
  void allow_shared(int bytes) {
    if (bytes <= shared_limit) return;
    const std::scoped_lock lock(mutex);
    if (bytes <= shared_limit) return;
    DITUNE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
    shared_limit = bytes;
  }

  cudaLibrary_t library = nullptr;
  cudaKernel_t kernel = nullptr;
  std::mutex mutex;
  std::atomic<int> shared_limit = 48 * 1024;
};

Kernel::Kernel(const std::string& cubin, const std::string& name) : loaded_(std::make_shared<Loaded>()) {
  DITUNE_CUDA(cudaLibraryLoadData(&loaded_->library, cubin.data(), nullptr, nullptr, 0, nullptr, nullptr, 0));
  DITUNE_CUDA(cudaLibraryGetKernel(&loaded_->kernel, loaded_->library, name.c_str()));
  // Loading is lazy: asking for the attributes puts the kernel on the device now, and not under a stream capture.
  cudaFuncAttributes attributes = {};
  DITUNE_CUDA(cudaFuncGetAttributes(&attributes, loaded_->kernel));
}

void Kernel::allow_shared(int bytes) const { loaded_->allow_shared(bytes); }

void Kernel::launch_raw(const LaunchPlan& plan, const void* parameter, cudaStream_t stream) const {
  if (!loaded_) throw CudaError("a launch of no kernel", "load a cubin first");
  if (plan.grid < 1 || plan.grid > kMaxGrid) {
    throw CudaError(fmt::format("a grid of {} CTAs cannot be launched", plan.grid),
                    "choose larger tiles or a smaller problem");
  }
  loaded_->allow_shared(plan.shared_bytes);
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(plan.grid));
  config.blockDim = dim3(static_cast<unsigned>(plan.block));
  config.dynamicSmemBytes = static_cast<std::size_t>(plan.shared_bytes);
  config.stream = stream;
  std::array<cudaLaunchAttribute, 2> attributes = {};
  config.attrs = attributes.data();
  if (plan.cluster > 1) {
    cudaLaunchAttribute& cluster = attributes[config.numAttrs++];
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim = {static_cast<unsigned>(plan.cluster), 1, 1};
  }
  if (plan.dependent) {
    cudaLaunchAttribute& dependent = attributes[config.numAttrs++];
    dependent.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    dependent.val.programmaticStreamSerializationAllowed = 1;
  }
  void* parameters[] = {const_cast<void*>(parameter)};  // which is copied from
  DITUNE_CUDA(cudaLaunchKernelExC(&config, loaded_->kernel, parameters));
}

void Graph::launch(const Stream& stream) const { DITUNE_CUDA(cudaGraphLaunch(handle_.get(), stream.get())); }

void Graph::begin(const Stream& stream) {
  // Thread-local: other threads may load kernels meanwhile.
  DITUNE_CUDA(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal));
}

void Graph::abandon(const Stream& stream) noexcept {
  cudaGraph_t graph = nullptr;
  cudaStreamEndCapture(stream.get(), &graph);
  if (graph) cudaGraphDestroy(graph);
  static_cast<void>(cudaGetLastError());
}

Graph Graph::end(const Stream& stream) {
  cudaGraph_t captured = nullptr;
  DITUNE_CUDA(cudaStreamEndCapture(stream.get(), &captured));
  const auto destroy = [](cudaGraph_t graph) { cudaGraphDestroy(graph); };
  const std::unique_ptr<CUgraph_st, decltype(destroy)> graph(captured, destroy);
  cudaGraphExec_t executable = nullptr;
  DITUNE_CUDA(cudaGraphInstantiate(&executable, graph.get(), 0));
  Graph result;
  result.handle_.reset(executable);
  return result;
}

void Graph::Destroy::operator()(cudaGraphExec_t graph) const noexcept { cudaGraphExecDestroy(graph); }

}  // namespace ditune
