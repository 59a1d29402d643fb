// SPDX-License-Identifier: Apache-2.0
// Ctrl-C, SIGTERM or SIGHUP while something long runs.
#pragma once

#include <array>
#include <csignal>

namespace ditune::cli {

// While one of these lives, the first SIGINT, SIGTERM or SIGHUP is remembered instead of ending the program; a second
// one, whichever, ends it. SIGTERM and SIGHUP that are ignored, by nohup for instance, stay ignored. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  bool asked() const;

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
  static void remember(int);

  std::array<struct sigaction, kSignals.size()> before_ = {};
};

}  // namespace ditune::cli
