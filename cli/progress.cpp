// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <string>
#include <utility>

#include "cli/output.hpp"

namespace ditune::cli {
namespace {

using namespace std::chrono_literals;

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string bar(double fraction) {
  constexpr int kWidth = 20;
  const int full = static_cast<int>(std::lround(std::min(std::max(fraction, 0.0), 1.0) * kWidth));
  return "[" + std::string(full, '#') + std::string(kWidth - full, '.') + "]";
}

std::string time_left(double seconds) {
  const auto whole = std::lround(seconds);
  return whole >= 60 ? fmt::format("{}m{:02}s left", whole / 60, whole % 60) : fmt::format("{}s left", whole);
}

double done(const TuneProgress& progress) {
  const double tried = progress.trials > 0 ? static_cast<double>(progress.tried) / progress.trials : 0;
  return (static_cast<double>(progress.layer) + tried) / static_cast<double>(progress.layers);
}

std::string line_of(const TuneProgress& progress) {
  std::string line =
      fmt::format("{}/{} {}", progress.layer + 1, progress.layers, describe_sizes(progress.target.operation));
  if (progress.best_us > 0) line += fmt::format("  best {} us", number(progress.best_us));
  if (progress.seconds_left > 0) line += "  " + time_left(progress.seconds_left);
  if (!progress.trying.empty()) line += fmt::format("  {}/{} {}", progress.tried, progress.trials, progress.trying);
  return line;
}

Json json_of(const TuneProgress& progress) {
  Json json;
  json["operation"] = format(progress.target.operation);
  json["device"] = progress.target.device.name;
  json["layer"] = progress.layer;
  json["layers"] = progress.layers;
  json["done"] = progress.done;
  if (progress.done) {
    if (!progress.winner.empty()) json["config"] = progress.winner;
  } else {
    json["tried"] = progress.tried;
    json["trials"] = progress.trials;
    json["trying"] = progress.trying;
  }
  if (progress.best_us > 0) json["best_us"] = progress.best_us;
  if (progress.seconds_left > 0) json["seconds_left"] = progress.seconds_left;
  return json;
}

bool is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

void show_line(std::string line) {
  line.resize(std::min(line.size(), terminal_columns() - 1));
  replace_line(line);
}

}  // namespace

ProgressLine::ProgressLine(ProgressForm form)
    : form_(form),
      terminal_(form == ProgressForm::text && is_terminal()),
      pace_(Pace::Clock::now(), form == ProgressForm::json ? Pace::Clock::duration(250ms) : 30s) {}

ProgressLine::~ProgressLine() {
  if (terminal_) replace_line("");
}

void ProgressLine::show(const TuneProgress& progress) {
  if (form_ == ProgressForm::json) return show_json(progress);
  if (progress.done) return;  // the next layer's line is worth more
  if (terminal_)
    show_line(bar(done(progress)) + " " + line_of(progress));
  else if (pace_.is_due(Pace::Clock::now()))
    print_message("ditune: " + line_of(progress));
}

// A layer's begin and end are told whatever the pace is.
void ProgressLine::show_json(const TuneProgress& progress) {
  const bool is_due = pace_.is_due(Pace::Clock::now());
  if (is_due || progress.done || progress.tried == 0) print_json_line(json_of(progress));
}

StepsLine::StepsLine(std::string doing, std::size_t steps)
    : doing_(std::move(doing)), steps_(static_cast<double>(steps)), terminal_(is_terminal()) {}

StepsLine::~StepsLine() {
  if (terminal_) replace_line("");
}

void StepsLine::show(std::size_t done) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now < next_) return;
  next_ = now + 100ms;
  const double fraction = static_cast<double>(done) / steps_;
  show_line(fmt::format("{} {}: {:.0f}%", bar(fraction), doing_, 100 * fraction));
}

}  // namespace ditune::cli
