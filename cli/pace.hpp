// SPDX-License-Identifier: Apache-2.0
// When a run that writes to a log says how far it is.
#pragma once

#include <chrono>

namespace ditune::cli {

// Every 30 s at most; a run that is shorter says nothing.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Pace(Clock::time_point start) : last_(start) {}

  // Whether to say it now; then it counts as said.
  bool is_due(Clock::time_point now) {
    constexpr std::chrono::seconds kInterval{30};
    const bool is_due = now - last_ >= kInterval;
    if (is_due) last_ = now;
    return is_due;
  }

 private:
  Clock::time_point last_;
};

}  // namespace ditune::cli
