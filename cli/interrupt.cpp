// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.hpp"

namespace ditune::cli {
namespace {

volatile std::sig_atomic_t asked_for = 0;  // a handler reaches nothing else

}  // namespace

void Interrupt::remember(int) {
  asked_for = 1;
  for (const int signal : kSignals) {
    struct sigaction now = {};
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler == remember) std::signal(signal, SIG_DFL);
  }
}

Interrupt::Interrupt() {
  asked_for = 0;
  struct sigaction action = {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], nullptr, &before_[i]);
    // A shell's background jobs ignore SIGINT without anybody having asked for it.
    if (kSignals[i] == SIGINT || before_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
  }
}

Interrupt::~Interrupt() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

bool Interrupt::asked() const { return asked_for != 0; }

}  // namespace ditune::cli
