// SPDX-License-Identifier: Apache-2.0
// A driver without a GPU: keeps what it is asked for.
#pragma once

#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ditune/error.hpp"
#include "gemm_args.cuh"
#include "runtime/driver.hpp"

namespace ditune::test {

struct FakeLaunch {
  std::string kernel;
  LaunchPlan plan;
  GemmArgs args;  // the parameter of mma_s8, and what that of a built-in kernel begins with
  KernelParameter parameter;
  CUstream_st* stream;
};

// Two RTX 3090, or none. Images that begin with "bad" fit neither.
class FakeDriver : public Driver {
 public:
  struct Kernel : LoadedKernel {
    Kernel(const FakeDriver& of, std::string kernel) : driver(of), name(std::move(kernel)) {}
    void launch(const LaunchPlan& plan, const KernelParameter& parameter, CUstream_st* stream) const override {
      FakeLaunch launch{name, plan, {}, parameter, stream};
      std::memcpy(&launch.args, parameter.bytes.data(), sizeof launch.args);
      const std::scoped_lock lock(driver.mutex);
      driver.launches.push_back(launch);
    }
    const FakeDriver& driver;
    std::string name;
  };

  int device_count() const override { return devices; }
  DeviceInfo device(int) const override { return find_device("RTX 3090"); }
  std::unique_ptr<const LoadedKernel> load(const std::string& image, const std::string& name, int ordinal,
                                           int shared_bytes) const override {
    const std::scoped_lock lock(mutex);
    if (image.starts_with("bad") || (refuses_ptx && image.find(".target") != std::string::npos))
      throw CudaError("cuLibraryLoadData: no kernel image", "");
    loaded.push_back(std::to_string(ordinal) + ": " + image + ", " + std::to_string(shared_bytes));
    return std::make_unique<Kernel>(*this, name);
  }
  TensorMap encode(const TensorMapSpec&, int) const override { return {}; }
  TensorMap move(const TensorMap& map, const void*, int) const override { return map; }
  bool is_capturing(CUstream_st*, int) const override {
    if (devices == 0) throw CudaError("cuInit: CUDA_ERROR_NO_DEVICE", "");  // as CUDA does
    return capturing;
  }

  mutable std::mutex mutex;
  mutable std::vector<std::string> loaded;  // "ORDINAL: IMAGE, SHARED BYTES"
  mutable std::vector<FakeLaunch> launches;
  int devices = 2;
  bool capturing = false, refuses_ptx = false;
};

}  // namespace ditune::test
