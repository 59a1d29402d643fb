// SPDX-License-Identifier: Apache-2.0
#undef _FORTIFY_SOURCE  // a hardened longjmp refuses to leave for another stack
#include "emulation/fiber.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define DITUNE_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define DITUNE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DITUNE_ASAN 1
#elif __has_feature(thread_sanitizer)
#define DITUNE_TSAN 1
#endif
#endif
#if defined(DITUNE_ASAN) || defined(DITUNE_TSAN)
#define DITUNE_SWAPS_CONTEXTS 1
#endif
#ifdef DITUNE_ASAN
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace ditune::emulation {
namespace {

// AddressSanitizer follows from stack to stack only if told of every switch.
#ifdef DITUNE_ASAN
void leaving(void** keep, const void* bottom, std::size_t bytes) {
  __sanitizer_start_switch_fiber(keep, bottom, bytes);
}
void arrived(void* kept) { __sanitizer_finish_switch_fiber(kept, nullptr, nullptr); }
#else
void leaving(void**, const void*, std::size_t) {}
void arrived(void*) {}
#endif

std::size_t page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

// One mapping for all: each takes system calls for which the threads of a process wait for each other.
Stacks::Stacks(std::size_t count, std::size_t bytes_each) : count_(count), bytes_(bytes_each) {
  void* const mapping =
      mmap(nullptr, mapped(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<unsigned char*>(mapping);
  // Without its guard page an overflow would still be one, only not seen at once.
  for (std::size_t i = 0; i < count; ++i) mprotect(mapping_ + i * (page() + bytes_), page(), PROT_NONE);
}

Stacks::~Stacks() {
#ifdef DITUNE_ASAN
  __asan_unpoison_memory_region(mapping_, mapped());  // of frames that were never left
#endif
  munmap(mapping_, mapped());
}

void* Stacks::bottom(std::size_t index) const { return mapping_ + index * (page() + bytes_) + page(); }

std::size_t Stacks::mapped() const { return count_ * (page() + bytes_); }

Fiber::Fiber() {
#ifdef DITUNE_ASAN
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) std::abort();
  void* bottom = nullptr;
  pthread_attr_getstack(&attributes, &bottom, &bytes_);
  pthread_attr_destroy(&attributes);
  bottom_ = bottom;
#endif
}

Fiber::Fiber(const Stacks& stacks, std::size_t index) : bottom_(stacks.bottom(index)), bytes_(stacks.bytes()) {}

void Fiber::restart(void (*function)(void*), void* argument) {
  function_ = function;
  argument_ = argument;
  sanitizer_ = nullptr;
  getcontext(&context_);
  context_.uc_stack.ss_sp = bottom_;
  context_.uc_stack.ss_size = bytes_;
  // makecontext passes ints: the pointer goes in two halves.
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&context_, reinterpret_cast<void (*)()>(&Fiber::enter), 2, static_cast<unsigned>(self >> 32),
              static_cast<unsigned>(self));
  begins_ = true;
}

void Fiber::enter(unsigned high, unsigned low) {
  const Fiber& self = *reinterpret_cast<Fiber*>(std::uintptr_t{high} << 32 | low);
  arrived(nullptr);
  self.function_(self.argument_);
}

// Only what begins goes the way of contexts, which asks the kernel for the signals' mask at each switch.
// Sanitizers take a long jump for the end of the frames that it leaves.
void Fiber::switch_to(Fiber& other) {
  leaving(&sanitizer_, other.bottom_, other.bytes_);
#ifdef DITUNE_SWAPS_CONTEXTS
  swapcontext(&context_, &other.context_);
#else
  if (_setjmp(left_) == 0) other.resume();
#endif
  arrived(sanitizer_);
}

void Fiber::exit_to(Fiber& other) {
  leaving(nullptr, other.bottom_, other.bytes_);
  other.resume();
}

void Fiber::resume() {
#ifndef DITUNE_SWAPS_CONTEXTS
  if (!std::exchange(begins_, false)) _longjmp(left_, 1);
#endif
  setcontext(&context_);
  std::abort();  // setcontext does not return
}

}  // namespace ditune::emulation
