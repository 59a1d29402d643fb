// SPDX-License-Identifier: Apache-2.0
#include "emulation/signals.hpp"

#include <array>
#include <cstddef>
#include <mutex>

namespace ditune::emulation {
namespace {

constexpr std::size_t kStackBytes = 64 * 1024;
constexpr std::array kSignals = {SIGFPE, SIGSEGV, SIGBUS, SIGILL};

thread_local const SignalTrap* innermost = nullptr;

// How many traps there are, and what the signals did before the first.
std::mutex mutex;
int traps = 0;
std::array<struct sigaction, kSignals.size()> before;

void handle(int signal, siginfo_t* info, void*) {
  const bool sent = info->si_code <= 0;  // by kill, not raised by this thread's code
  if (innermost != nullptr && !sent) innermost->call(signal);
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    if (kSignals[i] == signal) sigaction(signal, &before[i], nullptr);
  if (sent) raise(signal);  // else the same instruction raises it again
}

}  // namespace

SignalTrap::SignalTrap(Caught caught, void* context)
    : caught_(caught), context_(context), outer_(innermost), stack_(std::make_unique<unsigned char[]>(kStackBytes)) {
  const stack_t stack{.ss_sp = stack_.get(), .ss_flags = 0, .ss_size = kStackBytes};
  sigaltstack(&stack, &stack_before_);
  innermost = this;
  const std::scoped_lock lock(mutex);
  if (traps++ > 0) return;
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;  // who leaves does not come back to unblock it
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &before[i]);
}

SignalTrap::~SignalTrap() {
  {
    const std::scoped_lock lock(mutex);
    if (--traps == 0)
      for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before[i], nullptr);
  }
  innermost = outer_;
  sigaltstack(&stack_before_, nullptr);
}

const char* signal_text(int signal) {
  switch (signal) {
    case SIGFPE:
      return "divides an integer by zero, or the least one by -1";
    case SIGILL:
      return "comes to code that the compiler took for unreachable";
    default:
      return "uses memory that is not there, outside of the wrappers or behind the end of its stack";
  }
}

}  // namespace ditune::emulation
