// SPDX-License-Identifier: Apache-2.0
// Signals that running code raises itself: an integer is divided by zero, memory is used that is not there.
#pragma once

#include <csignal>
#include <memory>

namespace ditune::emulation {

// While this lives, such a signal of the calling OS thread calls `caught(context, signal)`, on a stack of its own. That
// leaves for another stack if the code is its own; if it returns, the signal does what it did before. What signals do
// belongs to the process: it is restored once the last of these has ended. Each ends on the thread that made it.
class SignalTrap {
 public:
  using Caught = void (*)(void* context, int signal);

  SignalTrap(Caught caught, void* context);
  ~SignalTrap();
  SignalTrap(const SignalTrap&) = delete;
  SignalTrap& operator=(const SignalTrap&) = delete;

  void call(int signal) const { caught_(context_, signal); }

 private:
  Caught caught_;
  void* context_;
  const SignalTrap* outer_;
  std::unique_ptr<unsigned char[]> stack_;
  stack_t stack_before_{};
};

// "divides an integer by zero"
const char* signal_text(int signal);

}  // namespace ditune::emulation
