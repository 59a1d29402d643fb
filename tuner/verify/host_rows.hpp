// SPDX-License-Identifier: Apache-2.0
// Host memory for the operands of an emulated kernel.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace ditune {

// Host memory of exactly `bytes` bytes: a memory checker sees every step beyond it. Aligned to kPointerAlignment and to
// no more than that, so that a kernel cannot count on more. Null where it is empty.
class HostBuffer {
 public:
  HostBuffer() = default;
  explicit HostBuffer(std::size_t bytes);
  std::byte* data() const;
  std::size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(std::byte* allocation) const;
  };
  std::unique_ptr<std::byte, Free> allocation_;  // begins before the data
  std::size_t bytes_ = 0;
};

struct RowShape {
  std::size_t rows = 0, bytes = 0;  // rows, and bytes of one
  std::size_t pitch = 0;            // bytes from row to row
};

// Rows in host memory, aligned as HostBuffer is. Where rows are far apart (far_apart in operand_case.hpp), what lies
// between them has addresses, but no memory: any pitch costs only what its rows hold.
class HostRows {
 public:
  // `guard` bytes, at most 4096, exist before and behind the rows. Throws Error if there are not enough addresses.
  explicit HostRows(const RowShape& shape, std::size_t guard = 0);

  const RowShape& shape() const { return shape_; }
  std::byte* data() const;  // of the first row
  std::span<std::byte> row(std::size_t index) const { return {data() + index * shape_.pitch, shape_.bytes}; }
  // The memory that is none of the rows': guards and what lies between rows, in order.
  std::vector<std::span<std::byte>> beside() const;

 private:
  struct Unmap {
    std::size_t bytes;
    void operator()(std::byte* mapping) const;
  };
  void map();

  RowShape shape_;
  std::size_t guard_ = 0;
  HostBuffer near_;
  std::unique_ptr<std::byte, Unmap> far_;  // null: the rows are in near_
};

}  // namespace ditune
