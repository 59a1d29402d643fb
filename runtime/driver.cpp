// SPDX-License-Identifier: Apache-2.0
#include "runtime/driver.hpp"

#include "runtime/cuda.hpp"
#include "runtime/tensor_map.hpp"

namespace ditune {
namespace {

// What the caller's thread had as its current context, or that it had none, is so again.
class OnDevice {
 public:
  explicit OnDevice(int ordinal) {
    DITUNE_CUDA(cuda().ctx_get_current(&before_));
    use_device(ordinal);
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() { installed_cuda().ctx_set_current(before_); }

 private:
  CUcontext before_ = nullptr;
};

class CudaKernel : public LoadedKernel {
 public:
  CudaKernel(const std::string& image, const std::string& name, int shared_bytes) : kernel_(image, name) {
    kernel_.allow_shared(shared_bytes);
  }
  void launch(const LaunchPlan& plan, const KernelParameter& parameter, CUstream_st* stream) const override {
    kernel_.launch(plan, parameter, stream);
  }

 private:
  Kernel kernel_;
};

class CudaDriver : public Driver {
 public:
  int device_count() const override { return ditune::device_count(); }
  DeviceInfo device(int ordinal) const override { return device_info(ordinal); }
  std::unique_ptr<const LoadedKernel> load(const std::string& image, const std::string& name, int ordinal,
                                           int shared_bytes) const override {
    const OnDevice there(ordinal);
    return std::make_unique<CudaKernel>(image, name, shared_bytes);
  }
  TensorMap encode(const TensorMapSpec& spec, int ordinal) const override {
    const OnDevice there(ordinal);
    return encode_tensor_map(spec);
  }
  TensorMap move(const TensorMap& map, const void* base, int ordinal) const override {
    cuda_on_device(ordinal);
    return move_tensor_map(map, base);
  }
  bool is_capturing(CUstream_st* stream, int ordinal) const override {
    const CudaApi& cuda = cuda_on_device(ordinal);
    CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
    DITUNE_CUDA(cuda.stream_is_capturing(stream, &status));
    return status != CU_STREAM_CAPTURE_STATUS_NONE;
  }
};

}  // namespace

std::shared_ptr<const Driver> cuda_driver() { return std::make_shared<CudaDriver>(); }

}  // namespace ditune
