#include "cli/interrupt.hpp"

namespace ditune::cli {
namespace {

volatile std::sig_atomic_t asked_for = 0;  // a handler reaches nothing else

void remember(int) { asked_for = 1; }

}  // namespace

Interrupt::Interrupt() {
  asked_for = 0;
  struct sigaction action = {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, &before_);
}

Interrupt::~Interrupt() { sigaction(SIGINT, &before_, nullptr); }

bool Interrupt::asked() const { return asked_for != 0; }

}  // namespace ditune::cli
