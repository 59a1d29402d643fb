// SPDX-License-Identifier: Apache-2.0
// A driver that does nothing: what is left of a launch is the library's own.
#pragma once

#include <memory>
#include <string>

#include "runtime/driver.hpp"

namespace ditune {

class NoDriver : public Driver {
 public:
  explicit NoDriver(const DeviceInfo& device) : device_(device) {}
  int device_count() const override { return 1; }
  DeviceInfo device(int) const override { return device_; }
  std::unique_ptr<const LoadedKernel> load(const std::string&, const std::string&, int, int) const override {
    return std::make_unique<NoKernel>();
  }
  TensorMap encode(const TensorMapSpec&, int) const override { return {}; }
  TensorMap move(const TensorMap& map, const void*, int) const override { return map; }
  bool is_capturing(CUstream_st*, int) const override { return false; }

 private:
  struct NoKernel : LoadedKernel {
    void launch(const LaunchPlan&, const KernelParameter&, CUstream_st*) const override {}
  };

  DeviceInfo device_;
};

}  // namespace ditune
