// SPDX-License-Identifier: Apache-2.0
// The one parameter that a kernel is launched with, by value: the arguments, or what its family puts around them.
#pragma once

#include <array>
#include <cstddef>
#include <functional>

#include "core/operands.hpp"
#include "ditune/config.hpp"
#include "tensor_map.cuh"

namespace ditune {

// The parameter's bytes, as the kernel's struct has them: the first `size`, and only those are set, since a launch
// makes one.
struct KernelParameter {
  alignas(64) std::array<std::byte, 1024> bytes;
  std::size_t size = 0;
};

// What makes a TensorMap of its description: the driver's encoding for a GPU, the description itself for the emulation.
using EncodeTensorMap = std::function<TensorMap(const TensorMapSpec&)>;

// The arguments must pass check_args.
KernelParameter kernel_parameter(const KernelConfig& config, const Operation& operation, const Arguments& arguments,
                                 const EncodeTensorMap& encode);

}  // namespace ditune
