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
