// SPDX-License-Identifier: Apache-2.0
// The kernels of templates/common/verification.cuh and every kind's reference, loaded on the current device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/operands.hpp"
#include "ditune/device.hpp"
#include "runtime/cuda.hpp"
#include "runtime/nvrtc.hpp"
#include "verification_args.cuh"

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

  // An operand, what lies between its rows too, with random values.
  void fill(const Operand& operand, void* data, std::uint64_t seed, const Stream& stream) const;
  // The reference's outputs.
  void run(const Operation& operation, const Arguments& arguments, const Stream& stream) const;

  // These two wait for the stream. args.difference is filled in here.
  std::optional<Mismatch> compare(CompareArgs args, const Stream& stream) const;
  std::optional<Mismatch> check_uniform(const void* data, std::size_t bytes, unsigned char value,
                                        const Stream& stream) const;

 private:
  std::optional<Mismatch> collect(const Stream& stream) const;

  Kernel fill_int8_, fill_scales_, fill_addends_, fill_indices_, compare_, check_uniform_;
  std::vector<Kernel> references_;  // by kind
  DeviceBuffer difference_;
};

}  // namespace ditune
