// SPDX-License-Identifier: Apache-2.0
// Drivers that this program has instead of the installed one.
#pragma once

#include <functional>

#include "cuda/stub.hpp"
#include "runtime/cuda_api.hpp"

namespace ditune::test {

// What installed_cuda() is as long as this lives. The calling thread has no current context in the beginning.
class InstalledCuda {
 public:
  explicit InstalledCuda(std::span<const char* const> libraries);
  InstalledCuda(const InstalledCuda&) = delete;
  InstalledCuda& operator=(const InstalledCuda&) = delete;
  ~InstalledCuda();
  const CudaApi& api() const { return api_; }

 private:
  CudaApi api_;
};

// The stub as it is in the beginning, with what `set_up` changes.
class StubbedCuda {
 public:
  explicit StubbedCuda(const std::function<void(Stub&)>& set_up = {});
  Stub& operator*() const { return stub_; }
  Stub* operator->() const { return &stub_; }
  const CudaApi& api() const { return installed_.api(); }
  int calls(const std::string& function) const;
  // The device whose context is the calling thread's current one; -1: none.
  int current_device() const;

 private:
  Stub& stub_;
  InstalledCuda installed_;
};

}  // namespace ditune::test
