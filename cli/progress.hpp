// SPDX-License-Identifier: Apache-2.0
// Progress on standard error: on a terminal one line that is replaced; elsewhere a tuning run prints a line every 30 s.
// For a program it is JSON, one object a line.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "cli/pace.hpp"
#include "tuner/tune.hpp"

namespace ditune::cli {

enum class ProgressForm { text, json };
inline constexpr std::array<std::string_view, 2> kProgressForms{"text", "json"};

// Of a tuning run.
class ProgressLine {
 public:
  explicit ProgressLine(ProgressForm form = ProgressForm::text);
  ~ProgressLine();  // wipes the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const TuneProgress& progress);

 private:
  void show_json(const TuneProgress& progress);

  ProgressForm form_;
  bool terminal_;
  Pace pace_;
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
