// SPDX-License-Identifier: Apache-2.0
// The geometry of bulk copies: boxes of a tensor, in rows of 32, 64 or 128 bytes that are swizzled in shared memory.
#pragma once

#include <string>

#include "tensor_map.cuh"

namespace ditune::emulation {

inline constexpr unsigned kMaxBoxRowBytes = 128;
inline constexpr unsigned kChunkBytes = 16;
inline constexpr unsigned kBoxAlignment = 128;  // of a box in shared memory

// Where the unit puts what belongs at `address`, in a box with rows of `row_bytes`: chunks of 16 bytes change places
// within as many bytes, by address bits 7 to 9 or as many of them as it takes.
constexpr unsigned swizzled(unsigned address, unsigned row_bytes) {
  return address ^ (address >> 7 & (row_bytes / kChunkBytes - 1)) << 4;
}

// A row of a box: bytes [first, last) of it lie in the tensor, the first of them at `global`.
struct BoxRow {
  unsigned char* global = nullptr;
  unsigned first = 0, last = 0;
};

// `row` and `column`, in elements, may lie outside.
BoxRow box_row(const TensorMapSpec& map, long long row, long long column);

// What the driver would refuse to encode; empty if nothing.
std::string refusal(const TensorMapSpec& map);

}  // namespace ditune::emulation
