// SPDX-License-Identifier: Apache-2.0
// Programs that are run: to their end, or beside this one.
#pragma once

#include <sys/types.h>

#include <chrono>
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

// SIGSEGV and the other signals that a program brings on itself. Any other signal comes from outside: from a person, a
// batch system, or the kernel where memory is short.
bool is_crash_signal(int signal);

// How a program ended.
struct Ending {
  enum class How { exited, crashed, killed, stopped, unknown } how = How::unknown;  // stopped: by this program
  int number = 0;  // its status or, of a crash or a kill, the signal
};

// "ended with status 3", "crashed (signal 11)", "was killed (signal 9)", "was stopped", "ended"
std::string format(const Ending& ending);

// A program that runs beside this one until end(): a socket of this program's is its standard input and output, its
// standard error is this program's. It has a process group of its own, so that Ctrl-C does not reach it; when this
// program is gone, whichever way, its input ends.
class PipedChild {
 public:
  // Words as run_child's. Throws std::system_error if it cannot be started.
  explicit PipedChild(std::span<const std::string> words);
  PipedChild(const PipedChild&) = delete;
  PipedChild& operator=(const PipedChild&) = delete;
  ~PipedChild();

  int socket() const { return socket_; }
  // Stops it if it has not ended by itself within `patience`, and waits: no zombie is left. How it ended; the same when
  // asked again.
  const Ending& end(std::chrono::milliseconds patience = {});

 private:
  int socket_ = -1;
  pid_t pid_ = 0;
  Ending ending_;
};

}  // namespace ditune
