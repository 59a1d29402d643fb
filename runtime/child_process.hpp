// A program that is run to its end.
#pragma once

#include <span>
#include <string>

namespace ditune {

struct ChildResult {
  int status = 0;      // what it exited with, or 128 + the signal that ended it
  std::string output;  // what it wrote to stdout and stderr, kChildOutputBytes at most
};

inline constexpr std::size_t kChildOutputBytes = std::size_t{1} << 20;

// `words`: the program, looked for as the shell does, and its arguments; no shell takes part. It reads nothing and
// speaks English (LC_ALL=C). Thread-safe. Throws std::system_error if it cannot be started.
ChildResult run_child(std::span<const std::string> words);

}  // namespace ditune
