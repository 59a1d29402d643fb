// SPDX-License-Identifier: Apache-2.0
// The global memory of one launch: rows of known places and uses.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "emulation/emulate.hpp"
#include "emulation/tracked_memory.hpp"

namespace ditune::emulation {

class GlobalMemory {
 public:
  // Of a grid with `block` threads in each CTA, `cluster` CTAs in each cluster.
  GlobalMemory(std::span<const Region> regions, int block, int cluster);

  // An access that may be made.
  struct Place {
    TrackedMemory* memory = nullptr;  // of the row; null: an input
    std::size_t offset = 0;           // in the row
    std::string fault;  // why it may not: "16 bytes at row 3, byte 4600 of x, which has 4608 a row"; else empty
  };
  // `bytes` bytes at `address`, aligned to that. `writes`: not of an input.
  Place find(const void* address, unsigned bytes, bool writes);
  // "16 bytes at row 3, byte 4600 of x".
  std::string text(const void* address, unsigned bytes) const;

  // What the launch leaves wrong: "leaves byte 12 of workspace not zero". Nothing if all is well.
  std::optional<std::string> leftover() const;

 private:
  struct Tracked {
    Region region;
    std::size_t bytes;                  // rows and what is between them
    std::vector<TrackedMemory> memory;  // of each row, of what is written: rows may be any distance apart
  };
  std::vector<Tracked> regions_;
};

}  // namespace ditune::emulation
