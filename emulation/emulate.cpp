// SPDX-License-Identifier: Apache-2.0
#include "emulation/emulate.hpp"

#include <stdexcept>

#include "emulation/grid.hpp"

namespace ditune::emulation {

Machine*& running() {
  static thread_local Machine* machine = nullptr;
  return machine;
}

Report emulate(const Launch& launch, std::span<const Region> memory, const std::function<void()>& thread,
               Machine*& slot) {
  if (launch.grid < 1 || launch.block < kWarp || launch.block % kWarp != 0 || launch.resident < 1 ||
      launch.cluster < 1 || launch.grid % launch.cluster != 0)
    throw std::invalid_argument("a launch has whole clusters of CTAs of whole warps, and at least one of them runs");
  if (launch.shared_bytes > launch.shared_limit) {
    return {.fault = launch.kernel + ": needs " + std::to_string(launch.shared_bytes) +
                     " bytes of shared memory, a CTA has " + std::to_string(launch.shared_limit),
            .shared = {}};
  }
  struct Restore {
    Machine*& slot;
    Machine* const before = slot;
    ~Restore() { slot = before; }
  } restore{slot};
  Grid grid(launch, memory, thread);
  slot = &grid;
  return grid.run();
}

}  // namespace ditune::emulation
