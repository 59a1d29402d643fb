// SPDX-License-Identifier: Apache-2.0
// Independent pieces of work on several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace ditune {

// Calls work(i) for each i below `count` on `threads` threads, the calling thread included; 0: one for each of the
// machine's. Never more than `count`, and fewer if the system refuses to start one. Throws the first exception of a
// call; calls that had not begun by then are left out.
template <class Work>
void in_parallel(std::size_t count, std::size_t threads, const Work& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto take_turns = [&] {
    try {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    } catch (...) {
      next = count;
      const std::scoped_lock lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  {
    std::vector<std::jthread> others;
    others.reserve(std::min(threads, count));
    try {
      for (std::size_t t = 1; t < std::min(threads, count); ++t) others.emplace_back(take_turns);
    } catch (const std::system_error&) {  // the threads that did start do the work
    }
    take_turns();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace ditune
