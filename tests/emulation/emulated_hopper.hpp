// SPDX-License-Identifier: Apache-2.0
// What the tests of emulated Hopper hardware launch with.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "emulation/emulate.hpp"
#include "hopper.cuh"

namespace ditune::test {

inline constexpr std::size_t kShared = 64 * 1024;
inline constexpr int kSeeds = 8;

struct Shape {
  int grid = 1, cluster = 1, block = 128;
  bool dependent = false;
};

inline std::string fault(const Shape& shape, std::uint64_t seed, const std::vector<emulation::Region>& memory,
                         const std::function<void()>& thread) {
  return emulation::emulate({.kernel = "k",
                             .grid = shape.grid,
                             .cluster = shape.cluster,
                             .block = shape.block,
                             .dependent = shape.dependent,
                             .shared_bytes = kShared,
                             .shared_limit = kShared,
                             .seed = seed},
                            memory, thread, emulation::running())
      .fault;
}

// Of any of several orders; empty if all are right.
inline std::string fault(const Shape& shape, const std::vector<emulation::Region>& memory,
                         const std::function<void()>& thread) {
  std::string found;
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(kSeeds) && found.empty(); ++seed)
    found = fault(shape, seed, memory, thread);
  return found;
}
inline std::string fault(const Shape& shape, const std::function<void()>& thread) { return fault(shape, {}, thread); }

// In how many of kSeeds orders there is one.
inline int faults(const Shape& shape, const std::vector<emulation::Region>& memory,
                  const std::function<void()>& thread) {
  int count = 0;
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(kSeeds); ++seed)
    count += !fault(shape, seed, memory, thread).empty();
  return count;
}

// By thread 0, there for all.
inline void init_barrier(SharedAddress barrier, int arrivals) {
  if (thread_index() == 0) {
    transaction_init(barrier, arrivals);
    transaction_init_fence();
  }
  block_barrier();
}

inline TensorMap encoded(const TensorMapSpec& spec) {
  TensorMap map{};
  std::memcpy(&map, &spec, sizeof(spec));
  return map;
}

}  // namespace ditune::test
