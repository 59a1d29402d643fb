// SPDX-License-Identifier: Apache-2.0
// Stacks that functions run on in turns, on one OS thread.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <cstddef>

namespace ditune::emulation {

// Memory for stacks, each with a guard page below.
class Stacks {
 public:
  // Throws std::bad_alloc.
  Stacks(std::size_t count, std::size_t bytes_each);
  ~Stacks();
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  void* bottom(std::size_t index) const;
  std::size_t bytes() const { return bytes_; }  // of one

 private:
  std::size_t mapped() const;

  std::size_t count_, bytes_;
  unsigned char* mapping_;
};

class Fiber {
 public:
  // The calling OS thread's own stack, to come back to.
  Fiber();
  // One of the stacks, which outlive this.
  Fiber(const Stacks& stacks, std::size_t index);
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
  [[noreturn]] void resume();

  ucontext_t context_{};    // where it begins
  jmp_buf left_{};          // where it was left
  bool begins_ = false;     // at the next switch
  void* bottom_ = nullptr;  // of the stack
  std::size_t bytes_ = 0;
  void (*function_)(void*) = nullptr;
  void* argument_ = nullptr;
  void* sanitizer_ = nullptr;  // what AddressSanitizer keeps of this while another runs
};

}  // namespace ditune::emulation
