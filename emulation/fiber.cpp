// SPDX-License-Identifier: Apache-2.0
#include "emulation/fiber.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define DITUNE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DITUNE_ASAN 1
#endif
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

}  // namespace

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

Fiber::Fiber(std::size_t bytes) : bytes_(bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  mapped_ = bytes + page;
  mapping_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (mapping_ == MAP_FAILED) throw std::bad_alloc();
  mprotect(mapping_, page, PROT_NONE);  // without it an overflow would still be one, only not seen at once
  bottom_ = static_cast<unsigned char*>(mapping_) + page;
}

Fiber::~Fiber() {
  if (mapping_ == nullptr) return;
#ifdef DITUNE_ASAN
  __asan_unpoison_memory_region(bottom_, bytes_);  // of frames that were never left
#endif
  munmap(mapping_, mapped_);
}

void Fiber::restart(void (*function)(void*), void* argument) {
  function_ = function;
  argument_ = argument;
  sanitizer_ = nullptr;
  getcontext(&context_);
  context_.uc_stack.ss_sp = const_cast<void*>(bottom_);
  context_.uc_stack.ss_size = bytes_;
  // makecontext passes ints: the pointer goes in two halves.
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&context_, reinterpret_cast<void (*)()>(&Fiber::enter), 2, static_cast<unsigned>(self >> 32),
              static_cast<unsigned>(self));
}

void Fiber::enter(unsigned high, unsigned low) {
  const Fiber& self = *reinterpret_cast<Fiber*>(std::uintptr_t{high} << 32 | low);
  arrived(nullptr);
  self.function_(self.argument_);
}

void Fiber::switch_to(Fiber& other) {
  leaving(&sanitizer_, other.bottom_, other.bytes_);
  swapcontext(&context_, &other.context_);
  arrived(sanitizer_);
}

void Fiber::exit_to(Fiber& other) {
  leaving(nullptr, other.bottom_, other.bytes_);
  setcontext(&other.context_);
  std::abort();  // setcontext does not return
}

}  // namespace ditune::emulation
