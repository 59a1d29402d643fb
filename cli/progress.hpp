// One line on standard error that says what is being done.
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

// The same for many short steps: a line now and then that says how much of them is done.
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
