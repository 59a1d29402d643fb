// SPDX-License-Identifier: Apache-2.0
// Candidates in a process of their own: one that crashes, hangs or poisons the GPU costs itself alone.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tuner/tune.hpp"
#include "tuner/worker/watcher.hpp"

namespace ditune {

// What a worker works with; it tells the watcher, for as long as it lives, what is at work.
using MakeBackend = std::function<TuneBackend(Watcher)>;

// The worker's side, for a process that a worker_backend started: answers what comes on standard input, and ends the
// process when that ends, whatever it is at. Standard output is the parent's: what else is printed there goes to
// standard error.
[[noreturn]] void serve_worker(const MakeBackend& make);

struct WorkerOptions {
  std::vector<std::string> command;  // the program that calls serve_worker, and its arguments
  bool measures = true;              // false: the worker's backend has no `measure`
  // The longest that the compilation of a candidate may take; then that a candidate may run without a sign of life;
  // then that nothing at all may be heard while no candidate is at work. A huge problem gets more of the last two.
  std::chrono::milliseconds compile_limit = std::chrono::seconds(120);
  std::chrono::milliseconds run_limit = std::chrono::seconds(20);
  std::chrono::milliseconds silence_limit = std::chrono::seconds(300);
  // From the end of a worker's output to its own: a killed process takes a while to give back what it holds.
  std::chrono::milliseconds end_limit = std::chrono::seconds(10);
};

// The parent's side. The worker is started when it is first needed and replaced whenever it is lost. The candidate that
// took it down has failed, with the reason as its failure; where several could have, each is asked for alone. One whose
// worker was killed from outside is tried again, alone; after three kills it has failed in this call, and was_killed
// (killed.hpp) is true of its failure. Calls throw what the worker's backend throws, and Error if the worker cannot be
// started or is lost three times in a row with no candidate at work. Use it from one thread; the worker ends with the
// last copy.
TuneBackend worker_backend(WorkerOptions options);

}  // namespace ditune
