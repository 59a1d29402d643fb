// SPDX-License-Identifier: Apache-2.0
// When a long run says how far it is.
#pragma once

#include <chrono>

namespace ditune::cli {

// Once an interval at most; a run that is shorter says nothing.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  Pace(Clock::time_point start, Clock::duration interval) : last_(start), interval_(interval) {}

  // Whether to say it now; then it counts as said.
  bool is_due(Clock::time_point now) {
    const bool is_due = now - last_ >= interval_;
    if (is_due) last_ = now;
    return is_due;
  }

 private:
  Clock::time_point last_;
  Clock::duration interval_;
};

}  // namespace ditune::cli
