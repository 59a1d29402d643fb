// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <mutex>

namespace ditune {
namespace {

CUdeviceptr address(const void* data) { return reinterpret_cast<CUdeviceptr>(data); }

// For destructors, whose handles only a driver that was ready has made. What fails here has failed before.
template <class Call>
void try_to(const Call& call) noexcept {
  try {
    call(cuda_on_device());
  } catch (const CudaError&) {  // the driver has ended before the program
  }
}

}  // namespace

Stream::Stream() {
  const CudaApi& cuda = cuda_on_device();
  CUstream stream = nullptr;
  DITUNE_CUDA(cuda.stream_create(&stream, CU_STREAM_NON_BLOCKING));
  handle_.reset(stream);
}

void Stream::synchronize() const {
  const CudaApi& cuda = cuda_on_device();
  DITUNE_CUDA(cuda.stream_synchronize(get()));
}

void Stream::Destroy::operator()(CUstream stream) const noexcept {
  try_to([&](const CudaApi& cuda) { cuda.stream_destroy(stream); });
}

Event::Event() {
  const CudaApi& cuda = cuda_on_device();
  CUevent event = nullptr;
  DITUNE_CUDA(cuda.event_create(&event, CU_EVENT_DEFAULT));
  handle_.reset(event);
}

void Event::record(const Stream& stream) const {
  const CudaApi& cuda = cuda_on_device();
  DITUNE_CUDA(cuda.event_record(get(), stream.get()));
}

void Event::synchronize() const {
  const CudaApi& cuda = cuda_on_device();
  DITUNE_CUDA(cuda.event_synchronize(get()));
}

void Event::Destroy::operator()(CUevent event) const noexcept {
  try_to([&](const CudaApi& cuda) { cuda.event_destroy(event); });
}

double elapsed_us(const Event& from, const Event& to) {
  const CudaApi& cuda = cuda_on_device();
  float milliseconds = 0;
  DITUNE_CUDA(cuda.event_elapsed_time(&milliseconds, from.get(), to.get()));
  return 1e3 * static_cast<double>(milliseconds);
}

DeviceBuffer::DeviceBuffer(std::size_t bytes) : bytes_(bytes) {
  const CudaApi& cuda = cuda_on_device();
  if (bytes == 0) return;  // which the driver would refuse
  CUdeviceptr data = 0;
  DITUNE_CUDA(cuda.mem_alloc(&data, bytes));
  data_.reset(reinterpret_cast<void*>(data));
}

void DeviceBuffer::Free::operator()(void* data) const noexcept {
  try_to([&](const CudaApi& cuda) { cuda.mem_free(address(data)); });
}

void fill(void* data, unsigned char value, std::size_t bytes, const Stream& stream) {
  const CudaApi& cuda = cuda_on_device();
  if (bytes > 0) DITUNE_CUDA(cuda.memset_d8_async(address(data), value, bytes, stream.get()));
}

void copy_to_device(void* to, const void* host, std::size_t bytes, const Stream& stream) {
  const CudaApi& cuda = cuda_on_device();
  if (bytes > 0) DITUNE_CUDA(cuda.memcpy_htod_async(address(to), host, bytes, stream.get()));
}

void copy_to_host(void* host, const void* from, std::size_t bytes, const Stream& stream) {
  const CudaApi& cuda = cuda_on_device();
  if (bytes > 0) DITUNE_CUDA(cuda.memcpy_dtoh_async(host, address(from), bytes, stream.get()));
}

void copy_on_device(void* to, const void* from, std::size_t bytes, const Stream& stream) {
  const CudaApi& cuda = cuda_on_device();
  if (bytes > 0) DITUNE_CUDA(cuda.memcpy_dtod_async(address(to), address(from), bytes, stream.get()));
}

void fill_rows(void* data, unsigned char value, const PitchedRows& rows, const Stream& stream) {
  const CudaApi& cuda = cuda_on_device();
  DITUNE_CUDA(cuda.memset_d2d8_async(address(data), rows.pitch, value, rows.bytes, rows.count, stream.get()));
}

void gather_rows(void* to, const void* from, const PitchedRows& rows, const Stream& stream) {
  const CudaApi& cuda = cuda_on_device();
  CUDA_MEMCPY2D copy = {};
  copy.srcMemoryType = copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
  copy.srcDevice = address(from);
  copy.srcPitch = rows.pitch;
  copy.dstDevice = address(to);
  copy.dstPitch = copy.WidthInBytes = rows.bytes;
  copy.Height = rows.count;
  DITUNE_CUDA(cuda.memcpy_2d_async(&copy, stream.get()));
}

struct Kernel::Loaded {
  Loaded() = default;
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;
  ~Loaded() {
    if (library) installed_cuda().library_unload(library);  // of no context
  }

  // Dynamic shared memory beyond 48 KB has to be asked for: CUDA C++ Programming Guide, "Shared Memory" of each arch.
  void allow_shared(int bytes) {
    if (bytes <= shared_limit) return;
    const std::scoped_lock lock(mutex);
    if (bytes <= shared_limit) return;
    const CudaApi& cuda = ditune::cuda();
    DITUNE_CUDA(cuda.kernel_set_attribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes, kernel, device));
    shared_limit = bytes;
  }

  CUlibrary library = nullptr;
  CUkernel kernel = nullptr;
  CUdevice device = 0;
  int stack_bytes = 0;
  std::mutex mutex;
  std::atomic<int> shared_limit = 48 * 1024;
};

Kernel::Kernel(const std::string& cubin, const std::string& name) : loaded_(std::make_shared<Loaded>()) {
  const CudaApi& cuda = cuda_on_device();
  DITUNE_CUDA(cuda.ctx_get_device(&loaded_->device));
  DITUNE_CUDA(cuda.library_load_data(&loaded_->library, cubin.c_str(), nullptr, nullptr, 0, nullptr, nullptr, 0));
  DITUNE_CUDA(cuda.library_get_kernel(&loaded_->kernel, loaded_->library, name.c_str()));
  // Loading is lazy: asking for an attribute of the function in this context puts it on the device now, and not under a
  // stream capture.
  CUfunction function = nullptr;
  DITUNE_CUDA(cuda.kernel_get_function(&function, loaded_->kernel));
  DITUNE_CUDA(cuda.func_get_attribute(&loaded_->stack_bytes, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, function));
}

int Kernel::stack_bytes() const { return loaded_->stack_bytes; }

void Kernel::allow_shared(int bytes) const { loaded_->allow_shared(bytes); }

void Kernel::launch_raw(const LaunchPlan& plan, const void* parameter, CUstream stream) const {
  if (!loaded_) throw CudaError("a launch of no kernel", "load a cubin first");
  if (plan.grid < 1 || plan.grid > kMaxGrid) {
    throw CudaError(fmt::format("a grid of {} CTAs cannot be launched", plan.grid),
                    "choose larger tiles or a smaller problem");
  }
  const CudaApi& cuda = cuda_on_device(loaded_->device);
  loaded_->allow_shared(plan.shared_bytes);
  CUlaunchConfig config = {};
  config.gridDimX = static_cast<unsigned>(plan.grid);
  config.blockDimX = static_cast<unsigned>(plan.block);
  config.gridDimY = config.gridDimZ = config.blockDimY = config.blockDimZ = 1;
  config.sharedMemBytes = static_cast<unsigned>(plan.shared_bytes);
  config.hStream = stream;
  std::array<CUlaunchAttribute, 2> attributes = {};
  config.attrs = attributes.data();
  if (plan.cluster > 1) {
    CUlaunchAttribute& cluster = attributes[config.numAttrs++];
    cluster.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
    cluster.value.clusterDim = {static_cast<unsigned>(plan.cluster), 1, 1};
  }
  if (plan.dependent) {
    CUlaunchAttribute& dependent = attributes[config.numAttrs++];
    dependent.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
    dependent.value.programmaticStreamSerializationAllowed = 1;
  }
  void* parameters[] = {const_cast<void*>(parameter)};  // which is copied from
  // A kernel, not its function in one context: it runs in that of the stream, or in the current one.
  auto* const kernel = reinterpret_cast<CUfunction>(loaded_->kernel);
  DITUNE_CUDA(cuda.launch_kernel_ex(&config, kernel, parameters, nullptr));
}

void Graph::launch(const Stream& stream) const {
  const CudaApi& cuda = cuda_on_device();
  DITUNE_CUDA(cuda.graph_launch(handle_.get(), stream.get()));
}

void Graph::begin(const Stream& stream) {
  const CudaApi& cuda = cuda_on_device();
  // Thread-local: other threads may load kernels meanwhile.
  DITUNE_CUDA(cuda.stream_begin_capture(stream.get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
}

void Graph::abandon(const Stream& stream) noexcept {
  try_to([&](const CudaApi& cuda) {
    CUgraph graph = nullptr;
    cuda.stream_end_capture(stream.get(), &graph);
    if (graph) cuda.graph_destroy(graph);
  });
}

Graph Graph::end(const Stream& stream) {
  const CudaApi& cuda = cuda_on_device();
  CUgraph captured = nullptr;
  DITUNE_CUDA(cuda.stream_end_capture(stream.get(), &captured));
  const auto destroy = [&](CUgraph graph) { cuda.graph_destroy(graph); };
  const std::unique_ptr<CUgraph_st, decltype(destroy)> graph(captured, destroy);
  CUgraphExec executable = nullptr;
  DITUNE_CUDA(cuda.graph_instantiate_with_flags(&executable, graph.get(), 0));
  Graph result;
  result.handle_.reset(executable);
  return result;
}

void Graph::Destroy::operator()(CUgraphExec graph) const noexcept {
  try_to([&](const CudaApi& cuda) { cuda.graph_exec_destroy(graph); });
}

}  // namespace ditune
