// SPDX-License-Identifier: Apache-2.0
// The kernels of templates/gemm_s8/reference.cuh, loaded on the current device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ditune/device.hpp"
#include "reference_args.cuh"
#include "runtime/cuda.hpp"
#include "runtime/nvrtc.hpp"

namespace ditune {

// What a check found wrong.
struct Mismatch {
  std::uint64_t count = 0;
  std::int64_t first = 0;  // index of the first: of an output element, or a byte
};

class ReferenceKernels {
 public:
  // The source that holds all of them, to be compiled for the device.
  static KernelSource source();
  explicit ReferenceKernels(const CompiledKernel& compiled);

  void fill_int8(void* data, std::int64_t count, std::uint64_t seed, const Stream& stream) const;
  void fill_scales(void* data, std::int64_t count, std::uint64_t seed, const Stream& stream) const;
  void fill_bias(void* data, std::int64_t count, Bias type, std::uint64_t seed, const Stream& stream) const;
  void gemm(const ReferenceArgs& args, const Stream& stream) const;

  // These two wait for the stream. args.difference is filled in here.
  std::optional<Mismatch> compare(CompareArgs args, const Stream& stream) const;
  std::optional<Mismatch> check_uniform(const void* data, std::size_t bytes, unsigned char value,
                                        const Stream& stream) const;

 private:
  std::optional<Mismatch> collect(const Stream& stream) const;

  Kernel fill_int8_, fill_scales_, fill_bias_, gemm_, compare_, check_uniform_;
  DeviceBuffer difference_;
};

}  // namespace ditune
