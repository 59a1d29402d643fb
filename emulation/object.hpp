// SPDX-License-Identifier: Apache-2.0
// What a kernel compiled as an object of its own adds to its source, so that a program that opens the object can run
// it.
#pragma once

#include "emulation/machine.hpp"

namespace ditune::emulation {

Machine*& running() {
  static thread_local Machine* machine = nullptr;
  return machine;
}

}  // namespace ditune::emulation

// Where the calling OS thread's machine is put. In emulate.hpp's words, the slot.
extern "C" ditune::emulation::Machine** ditune_machine() { return &ditune::emulation::running(); }

// A thread of the kernel, of whatever struct it takes by value. The source defines DITUNE_KERNEL as its name.
namespace ditune::emulation {

constexpr LaunchBounds kLaunchBounds;  // unless the stub says others, which hide these
namespace stub {
inline LaunchBounds launch_bounds() { return kLaunchBounds; }
}  // namespace stub

template <class Parameter>
void call(void (*kernel)(Parameter), const void* parameter) {
  kernel(*static_cast<const Parameter*>(parameter));
}

}  // namespace ditune::emulation

extern "C" int ditune_ctas_per_sm() { return ditune::emulation::stub::launch_bounds().ctas_per_sm; }

extern "C" void ditune_thread(const void* parameter) { ditune::emulation::call(DITUNE_KERNEL, parameter); }
