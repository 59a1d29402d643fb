// SPDX-License-Identifier: Apache-2.0
// Tensor maps: what the copy unit of Hopper needs to know of a tensor.
#pragma once

#include "tensor_map.cuh"

namespace ditune {

// As the driver encodes it, for a kernel's parameter. Touches no GPU and no memory but the result; the driver
// refuses it without a current context all the same, so that a thread without one gets device 0's. Throws CudaError
// with what was refused, or where there is no driver that can do it (CUDA 12.0 or newer).
TensorMap encode_tensor_map(const TensorMapSpec& spec);

// The same tensor at another address, a multiple of 16: a quarter of the time. Throws CudaError likewise.
TensorMap move_tensor_map(const TensorMap& map, const void* base);

}  // namespace ditune
