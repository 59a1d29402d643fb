// Ctrl-C while something long runs.
#pragma once

#include <csignal>

namespace ditune::cli {

// While one of these lives, the first SIGINT is remembered instead of ending the program; a second one ends it. One at
// a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  bool asked() const;

 private:
  struct sigaction before_ = {};
};

}  // namespace ditune::cli
