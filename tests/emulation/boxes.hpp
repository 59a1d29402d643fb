// SPDX-License-Identifier: Apache-2.0
// A tensor whose boxes the tests of bulk copies move, and where their bytes lie.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "emulation/emulated_hopper.hpp"

namespace ditune::test {

inline constexpr SharedAddress kBox = 8192, kBarrier = 1024, kOther = 1032;
inline constexpr int kBoxRows = 16, kBoxBytes = kBoxRows * 128;

// A tensor of `rows` rows of `columns` elements of `element` bytes, 16 bytes and more between rows.
struct Tensor {
  int rows, columns, element, pitch;
  std::vector<Vec16> storage;

  Tensor(int r, int c, int e)
      : rows(r),
        columns(c),
        element(e),
        pitch((c * e / 16 + 2) * 16),
        storage(static_cast<std::size_t>(r * pitch / 16)) {
    for (int i = 0; i < r * pitch; ++i) bytes()[i] = static_cast<unsigned char>(i * 7 + i / 251);
  }
  unsigned char* bytes() { return reinterpret_cast<unsigned char*>(storage.data()); }
  TensorMap map(int box_bytes = 128) { return encoded({bytes(), rows, columns, pitch, element, kBoxRows, box_bytes}); }
  emulation::Region region(emulation::Use use) {
    return {.name = "tensor",
            .data = bytes(),
            .row_bytes = static_cast<std::size_t>(columns * element),
            .rows = static_cast<std::size_t>(rows),
            .pitch = static_cast<std::size_t>(pitch),
            .use = use};
  }
  // Where byte `byte` of row `row` of the box from (box_row, box_column) on lies; null outside.
  unsigned char* at(int box_row, int box_column, int row, int byte) {
    const int r = box_row + row, b = box_column * element + byte;
    const bool inside = r >= 0 && r < rows && b >= 0 && b < columns * element;
    return inside ? bytes() + r * pitch + b : nullptr;
  }
};

// In rows of `width` bytes that are swizzled by as many, the first of them 1024-byte aligned: the chunks of a row
// change places as those of the 128 bytes that it lies in.
inline unsigned place(unsigned base, int row, int byte, int width = 128) {
  const int line = row * width / 128;
  return base + static_cast<unsigned>(row * width + ((byte / 16) ^ (line % (width / 16))) * 16 + byte % 16);
}

inline unsigned char shared_byte(unsigned address) {
  return static_cast<unsigned char>(shared_load(address / 4 * 4) >> (address % 4 * 8));
}

// Elements' bytes and those of a row of a box.
inline constexpr std::array<std::pair<int, int>, 9> kWidths{
    {{1, 128}, {2, 128}, {4, 128}, {1, 64}, {2, 64}, {4, 64}, {1, 32}, {2, 32}, {4, 32}}};

// What thread 0 does with a barrier of one arrival that is initialized.
inline std::string of_one(Tensor& tensor, const std::function<void()>& what) {
  return fault({}, {tensor.region(emulation::Use::input)}, [&] {
    init_barrier(kBarrier, 1);
    if (thread_index() == 0) what();
  });
}

}  // namespace ditune::test
