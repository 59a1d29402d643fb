// SPDX-License-Identifier: Apache-2.0
// Progress on standard error: on a terminal one line that is replaced; elsewhere a tuning run prints a line every 30 s.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "cli/pace.hpp"
#include "tuner/tune.hpp"

namespace ditune::cli {

// Of a tuning run.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  // wipes the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const TuneProgress& progress);

 private:
  bool terminal_;
  Pace pace_{Pace::Clock::now()};
};

// Of many short steps: what share of them is done. On a terminal only.
class StepsLine {
 public:
  StepsLine(std::string doing, std::size_t steps);
  ~StepsLine();  // wipes the line
  StepsLine(const StepsLine&) = delete;
  StepsLine& operator=(const StepsLine&) = delete;
  void show(std::size_t done);

 private:
  std::string doing_;
  double steps_;
  bool terminal_;
  std::chrono::steady_clock::time_point next_;  // at once, at first
};

}  // namespace ditune::cli
