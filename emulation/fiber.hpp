// SPDX-License-Identifier: Apache-2.0
// Stacks that functions run on in turns, on one OS thread.
#pragma once

#include <ucontext.h>

#include <cstddef>

namespace ditune::emulation {

class Fiber {
 public:
  // The calling OS thread's own stack, to come back to.
  Fiber();
  // A stack of its own, of `bytes` bytes with a guard page below. Throws std::bad_alloc.
  explicit Fiber(std::size_t bytes);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // The next switch to this begins function(argument) at the top of its stack, whatever it did before. The function
  // must leave by exit_to.
  void restart(void (*function)(void*), void* argument);

  // Leaves this, which is running, for `other`. Returns when somebody switches back.
  void switch_to(Fiber& other);
  // The same for good.
  [[noreturn]] void exit_to(Fiber& other);

 private:
  static void enter(unsigned high, unsigned low);

  ucontext_t context_{};
  void* mapping_ = nullptr;  // guard page and stack; null for the OS thread's own
  std::size_t mapped_ = 0;
  const void* bottom_ = nullptr;  // of the stack
  std::size_t bytes_ = 0;
  void (*function_)(void*) = nullptr;
  void* argument_ = nullptr;
  void* sanitizer_ = nullptr;  // what AddressSanitizer keeps of this while another runs
};

}  // namespace ditune::emulation
