// SPDX-License-Identifier: Apache-2.0
// Signals of emulated kernels: each is a fault of the launch, and nothing is left of it.
#include "emulation/signals.hpp"

#include <csetjmp>
#include <thread>

#include "catch.hpp"
#include "emulation/emulated_hopper.hpp"

using namespace ditune;
using namespace ditune::test;
using Catch::Contains;

namespace {

// What sanitizers would report before a signal is raised.
#define RAISES [[gnu::noinline]] __attribute__((no_sanitize("undefined"), no_sanitize("address")))

volatile int zero = 0;
volatile int* volatile nowhere = nullptr;

RAISES void divide_by_zero() { zero = 7 / zero; }
RAISES void write_nowhere() { *nowhere = 1; }

// By lane 5 of warp 2 of block 3, behind a barrier.
std::string fault_of(const std::function<void()>& what) {
  return fault({.grid = 4}, [&] {
    block_barrier();
    if (block_index() == 3 && thread_index() == 69) what();
    block_barrier();
  });
}

RAISES int depth(int n) {
  volatile char frame[1024] = {};
  return n == 0 ? frame[0] : depth(n + 1) + frame[1];
}

struct sigaction what_happens(int signal) {
  struct sigaction action {};
  sigaction(signal, nullptr, &action);
  return action;
}

}  // namespace

TEST_CASE("a division by zero is a fault of the thread that divides") {
  const std::string fault = fault_of(divide_by_zero);
  CHECK_THAT(fault, Contains("k: behind block_barrier (signals_test.cpp:"));
  CHECK_THAT(fault, Contains("block 3, warp 2, lane 5: divides an integer by zero"));
}

TEST_CASE("so is an access to memory that is not there, and a stack that is full") {
  CHECK_THAT(fault_of(write_nowhere), Contains("block 3, warp 2, lane 5: uses memory that is not there"));
  CHECK_THAT(fault_of([] { depth(1); }), Contains("block 3, warp 2, lane 5: uses memory that is not there"));
}

TEST_CASE("several OS threads each have the faults of their own kernels") {
  std::vector<std::string> found(4);
  {
    std::vector<std::jthread> threads;
    for (std::string& mine : found)
      threads.emplace_back([&mine] {
        for (int i = 0; i < 5; ++i) mine = fault_of(divide_by_zero);
      });
  }
  for (const std::string& fault : found) CHECK_THAT(fault, Contains("divides an integer by zero"));
}

TEST_CASE("signals do afterwards what they did before, and so they do where they are none of the kernel's") {
  static sigjmp_buf back;
  struct sigaction mine {
  }, before{};
  mine.sa_handler = [](int) { siglongjmp(back, 1); };
  sigaction(SIGFPE, &mine, &before);
  CHECK_THAT(fault_of(divide_by_zero), Contains("divides an integer by zero"));
  CHECK(what_happens(SIGFPE).sa_handler == mine.sa_handler);
  int caught = 0;
  {
    const emulation::SignalTrap trap([](void*, int) {}, nullptr);
    CHECK(what_happens(SIGFPE).sa_handler != mine.sa_handler);
    if (sigsetjmp(back, 1) == 0)
      divide_by_zero();
    else
      ++caught;
  }
  CHECK(caught == 1);
  sigaction(SIGFPE, &before, nullptr);
}
