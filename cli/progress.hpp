// One line on standard error that says what a tuning run is at; nothing where that is no terminal.
#pragma once

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
};

}  // namespace ditune::cli
