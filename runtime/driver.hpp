// SPDX-License-Identifier: Apache-2.0
// What dispatch needs of the CUDA driver: a seam, so that it can be tested where there is no GPU.
#pragma once

#include <memory>
#include <string>

#include "ditune/device.hpp"
#include "generator/kernel_parameter.hpp"
#include "launch_plan.cuh"

struct CUstream_st;  // what a cudaStream_t points to

namespace ditune {

// A kernel on a device, ready to be launched.
class LoadedKernel {
 public:
  virtual ~LoadedKernel() = default;
  // Any number of threads may launch at once. Allocates nothing, waits for nothing, and may be captured. Throws
  // CudaError.
  virtual void launch(const LaunchPlan& plan, const KernelParameter& parameter, CUstream_st* stream) const = 0;
};

class Driver {
 public:
  virtual ~Driver() = default;
  virtual int device_count() const = 0;
  virtual DeviceInfo device(int ordinal) const = 0;
  // The kernel `name` of a cubin, or of PTX, for launches with at most so much dynamic shared memory. Throws CudaError
  // if the image does not fit the device or its driver.
  virtual std::unique_ptr<const LoadedKernel> load(const std::string& image, const std::string& name, int ordinal,
                                                   int shared_bytes) const = 0;
  virtual TensorMap encode(const TensorMapSpec& spec, int ordinal) const = 0;
  // A thread without a current device gets this one.
  virtual TensorMap move(const TensorMap& map, const void* base, int ordinal) const = 0;
  // A stream of the device: a null one is that of the calling thread's current device, and a thread without one gets
  // this one.
  virtual bool is_capturing(CUstream_st* stream, int ordinal) const = 0;
};

// The one that is installed.
std::shared_ptr<const Driver> cuda_driver();

}  // namespace ditune
