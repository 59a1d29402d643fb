#include "cli/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <string>

#include "cli/output.hpp"

namespace ditune::cli {
namespace {

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

std::string line_of(const TuneProgress& progress) {
  const double tried = progress.trials > 0 ? static_cast<double>(progress.tried) / progress.trials : 0;
  const double done = (static_cast<double>(progress.layer) + tried) / static_cast<double>(progress.layers);
  std::string line =
      fmt::format("{} {}/{} {}", bar(done), progress.layer + 1, progress.layers, format(progress.target.problem));
  if (progress.best_us > 0) line += fmt::format("  best {} us", number(progress.best_us));
  if (progress.seconds_left > 0) line += "  " + time_left(progress.seconds_left);
  if (!progress.trying.empty()) line += fmt::format("  {}/{} {}", progress.tried, progress.trials, progress.trying);
  return line;
}

}  // namespace

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (terminal_) replace_line("");
}

void ProgressLine::show(const TuneProgress& progress) {
  if (!terminal_) return;
  std::string line = line_of(progress);
  line.resize(std::min(line.size(), terminal_columns() - 1));
  replace_line(line);
}

}  // namespace ditune::cli
