// SPDX-License-Identifier: Apache-2.0
#include "runtime/driver.hpp"

#include "runtime/cuda.hpp"
#include "runtime/tensor_map.hpp"

namespace ditune {
namespace {

// What the caller's thread had as its current device is its current device again.
class OnDevice {
 public:
  explicit OnDevice(int ordinal) {
    DITUNE_CUDA(cudaGetDevice(&before_));
    use_device(ordinal);
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() { cudaSetDevice(before_); }

 private:
  int before_ = 0;
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
  TensorMap encode(const TensorMapSpec& spec) const override { return encode_tensor_map(spec); }
  TensorMap move(const TensorMap& map, const void* base) const override { return move_tensor_map(map, base); }
  bool is_capturing(CUstream_st* stream) const override {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    DITUNE_CUDA(cudaStreamIsCapturing(stream, &status));
    return status != cudaStreamCaptureStatusNone;
  }
};

}  // namespace

std::shared_ptr<const Driver> cuda_driver() { return std::make_shared<CudaDriver>(); }

}  // namespace ditune
