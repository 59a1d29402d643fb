// SPDX-License-Identifier: Apache-2.0
// One worker, as its parent sees it: what is at work there, whether it makes progress, and how it was lost.
#pragma once

#include <chrono>
#include <compare>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/child_process.hpp"
#include "tuner/worker/worker.hpp"
#include "tuner/worker/worker_messages.hpp"

namespace ditune {

// A candidate at work: its compilation, or its run.
struct Suspect {
  enum class Stage { compile, run } stage;
  std::string key;  // as in watcher.hpp
  auto operator<=>(const Suspect&) const = default;
};

// A worker was lost.
struct Breakdown {
  std::string what;                         // "the worker crashed (signal 11)"
  std::map<Suspect, std::string> suspects;  // who can have done it, and what each would have failed for
  bool is_kill = false;                     // from outside: none of them needs to have done anything
};

struct Limits {
  std::chrono::milliseconds compile, run, silence, end;  // as in WorkerOptions
};

class WorkerProcess {
 public:
  // Throws std::system_error if the program cannot be started.
  explicit WorkerProcess(std::span<const std::string> command) : child_(command) {}

  // The answer, or how the worker was lost; then it has ended. Throws what the worker's backend threw.
  std::variant<Message, Breakdown> ask(const Message& request, const Limits& limits);

 private:
  using Clock = std::chrono::steady_clock;

  void send(const std::string& bytes) const;
  std::variant<Message, Breakdown> wait(const Limits& limits);
  bool read(Clock::time_point until);  // false: the input has ended
  // Throws Error or nlohmann::json::exception on what makes no sense.
  std::variant<std::monostate, Message, Breakdown> take(const Message& message);
  Clock::time_point patience(const Limits& limits) const;
  Breakdown overdue(const Limits& limits);
  Breakdown ended(const Limits& limits);
  Breakdown broken();
  Breakdown accuse_all(const std::string& what) const;

  PipedChild child_;
  FrameReader frames_;
  bool ready_ = false;
  std::map<std::string, Clock::time_point> compiling_;  // since when
  std::vector<std::string> running_;
  Clock::time_point heard_ = Clock::now(), ran_ = heard_;  // the last message at all, and of what runs
};

}  // namespace ditune
