// SPDX-License-Identifier: Apache-2.0
// CUDA handles, one move-only class each, and what is done with them. Errors are CudaError with the expression that
// failed. What needs a current context makes that of device 0 the calling thread's if it has none, as the CUDA runtime
// does.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "ditune/device.hpp"
#include "ditune/error.hpp"
#include "generator/kernel_parameter.hpp"
#include "launch_plan.cuh"
#include "runtime/cuda_api.hpp"

namespace ditune {

// 0 where there is no driver, one that is too old, or no device: a supported state. Never throws.
int device_count() noexcept;
// What follows on this thread happens on this device.
void use_device(int ordinal);
// Properties of a visible device as the driver tells them, with complete_rates.
DeviceInfo device_info(int ordinal);
// `seen` with the rates that no driver tells (L2 bandwidth, int8 multiply-adds): those of the known device of that
// name, else those of the arch's reference card, L2 scaled by SMs and clock. Throws UsageError for an arch older than
// any supported one.
DeviceInfo complete_rates(DeviceInfo seen);
std::string device_uuid(int ordinal);  // "GPU-01234567-89ab-cdef-0123-456789abcdef"
std::string cuda_driver_version();     // of the CUDA that the driver supports, "13.0"; empty without a driver
std::string cuda_toolkit_version();    // of the toolkit that this is built with, "13.0"
std::size_t current_l2_bytes();        // of the current device
std::size_t free_bytes();              // of the current device's memory
// Waits for all that the current device has to do. Nothing, or why it can do no more, in the driver's words.
std::string why_lost();

class Stream {
 public:
  Stream();
  void synchronize() const;
  CUstream get() const { return handle_.get(); }

 private:
  struct Destroy {
    void operator()(CUstream stream) const noexcept;
  };
  std::unique_ptr<CUstream_st, Destroy> handle_;
};

class Event {
 public:
  Event();
  void record(const Stream& stream) const;
  void synchronize() const;
  CUevent get() const { return handle_.get(); }

 private:
  struct Destroy {
    void operator()(CUevent event) const noexcept;
  };
  std::unique_ptr<CUevent_st, Destroy> handle_;
};

double elapsed_us(const Event& from, const Event& to);

// Device memory, 256-byte aligned.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::size_t bytes);
  void* get() const { return data_.get(); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_.get());
  }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(void* data) const noexcept;
  };
  std::unique_ptr<void, Free> data_;
  std::size_t bytes_ = 0;
};

// Queued on the stream. Host memory may be used again once the stream was waited for.
void fill(void* data, unsigned char value, std::size_t bytes, const Stream& stream);
void copy_to_device(void* to, const void* host, std::size_t bytes, const Stream& stream);
void copy_to_host(void* host, const void* from, std::size_t bytes, const Stream& stream);
void copy_on_device(void* to, const void* from, std::size_t bytes, const Stream& stream);

// Rows in device memory; the pitch is the bytes from one to the next.
struct PitchedRows {
  std::size_t count, bytes, pitch;
};
void fill_rows(void* data, unsigned char value, const PitchedRows& rows, const Stream& stream);
// To rows without gaps.
void gather_rows(void* to, const void* from, const PitchedRows& rows, const Stream& stream);

// A kernel of a loaded cubin, for the device that was current then. Keeps the library loaded; copies share it.
class Kernel {
 public:
  Kernel() = default;
  // Throws CudaError if the cubin does not fit the device or has no kernel of that name.
  Kernel(const std::string& cubin, const std::string& name);
  // One parameter, by value: the struct that the kernel takes. Allocates nothing. Raises the dynamic shared memory
  // limit once, at the first launch that needs it. A thread without a current context gets that of the kernel's device.
  template <class Parameter>
  void launch(const LaunchPlan& plan, const Parameter& parameter, const Stream& stream) const {
    launch_raw(plan, &parameter, stream.get());
  }
  void launch(const LaunchPlan& plan, const KernelParameter& parameter, const Stream& stream) const {
    launch_raw(plan, parameter.bytes.data(), stream.get());
  }
  void launch(const LaunchPlan& plan, const KernelParameter& parameter, CUstream stream) const {
    launch_raw(plan, parameter.bytes.data(), stream);
  }
  // Raises the limit now: no launch with so many bytes waits for another one that does.
  void allow_shared(int bytes) const;
  // Local memory of a thread. The driver allocates as much for all threads that the device can hold, at a launch.
  int stack_bytes() const;

 private:
  void launch_raw(const LaunchPlan& plan, const void* parameter, CUstream stream) const;
  struct Loaded;
  std::shared_ptr<Loaded> loaded_;
};

// A captured sequence of launches.
class Graph {
 public:
  // Captures what `body` launches on `stream`.
  template <class Body>
  static Graph capture(const Stream& stream, Body&& body) {
    begin(stream);
    try {
      body();
    } catch (...) {
      abandon(stream);
      throw;
    }
    return end(stream);
  }
  void launch(const Stream& stream) const;

 private:
  static void begin(const Stream& stream);
  static void abandon(const Stream& stream) noexcept;
  static Graph end(const Stream& stream);
  struct Destroy {
    void operator()(CUgraphExec graph) const noexcept;
  };
  std::unique_ptr<CUgraphExec_st, Destroy> handle_;
};

}  // namespace ditune
