// The geometry of bulk copies: boxes of a tensor, in rows of 128 bytes that are swizzled in shared memory.
#pragma once

#include <string>

#include "tensor_map.cuh"

namespace ditune::emulation {

inline constexpr unsigned kBoxRowBytes = 128;
inline constexpr unsigned kChunkBytes = 16;

// Where the unit puts what belongs at `address`: chunks of 16 bytes change places within their 128, by address bits 7
// to 9.
constexpr unsigned swizzled(unsigned address) { return address ^ (address >> 7 & 7) << 4; }

// A row of a box: bytes [first, last) of its 128 lie in the tensor, the first of them at `global`.
struct BoxRow {
  unsigned char* global = nullptr;
  unsigned first = 0, last = 0;
};

// `row` and `column`, in elements, may lie outside.
BoxRow box_row(const TensorMapSpec& map, long long row, long long column);

// What the driver would refuse to encode; empty if nothing.
std::string refusal(const TensorMapSpec& map);

}  // namespace ditune::emulation
