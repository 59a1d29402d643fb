// One line on standard error that says what a tuning run is at. Where that is no terminal, a line of its own
// now and then.
#pragma once

#include "cli/pace.hpp"
#include "tuner/tune.hpp"

namespace ditune::cli {

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

}  // namespace ditune::cli
