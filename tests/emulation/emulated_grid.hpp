// SPDX-License-Identifier: Apache-2.0
// What the tests of emulated hardware launch with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "emulation/emulate.hpp"
#include "hardware.cuh"

namespace ditune::test {

struct GridShape {
  int grid = 1, block = 32;
  std::uint64_t seed = 0;
  int resident = 3;
};

inline constexpr std::size_t kSharedBytes = 1024;

inline emulation::Report run(const GridShape& shape, const std::vector<emulation::Region>& memory,
                             const std::function<void()>& thread) {
  return emulation::emulate({.kernel = "k",
                             .grid = shape.grid,
                             .block = shape.block,
                             .shared_bytes = kSharedBytes,
                             .shared_limit = kSharedBytes,
                             .seed = shape.seed,
                             .resident = shape.resident},
                            memory, thread, emulation::running());
}

inline std::string fault(const GridShape& shape, const std::function<void()>& thread) {
  return run(shape, {}, thread).fault;
}

// Rows of 32 bytes, 48 apart.
struct Rows {
  alignas(16) std::array<unsigned char, 80> bytes{};
  emulation::Region region(emulation::Use use) {
    return {.name = "rows", .data = bytes.data(), .row_bytes = 32, .rows = 2, .pitch = 48, .use = use};
  }
  int* word(std::size_t byte) { return reinterpret_cast<int*>(bytes.data() + byte); }
};

inline std::string fault_on(Rows& rows, emulation::Use use, const std::function<void()>& thread,
                            const GridShape& shape = {}) {
  return run(shape, {rows.region(use)}, thread).fault;
}

}  // namespace ditune::test
