// SPDX-License-Identifier: Apache-2.0
#include "core/in_parallel.hpp"

#include <set>
#include <stdexcept>
#include <string>

#include "catch.hpp"

using namespace ditune;

TEST_CASE("every piece of work is done once, on as many threads as there are pieces at most") {
  for (const std::size_t count : {0, 1, 5, 100})
    for (const std::size_t threads : {0, 1, 3, 200}) {
      std::vector<std::atomic<int>> done(count);
      std::mutex mutex;
      std::set<std::thread::id> seen;
      in_parallel(count, threads, [&](std::size_t i) {
        ++done[i];
        const std::scoped_lock lock(mutex);
        seen.insert(std::this_thread::get_id());
      });
      CHECK(std::ranges::all_of(done, [](const auto& times) { return times == 1; }));
      CHECK(seen.size() <= count);
      if (threads > 0) CHECK(seen.size() <= threads);
      if (threads == 1 && count > 0) CHECK(seen == std::set{std::this_thread::get_id()});
    }
}

TEST_CASE("as many threads as are asked for work at once") {
  std::atomic<int> waiting = 0;
  in_parallel(4, 4, [&](std::size_t) {
    ++waiting;
    while (waiting < 4) std::this_thread::yield();  // each waits for the others
  });
  CHECK(waiting == 4);
}

TEST_CASE("what a piece throws reaches the caller, and no further piece begins") {
  for (const std::size_t threads : {1, 3}) {
    std::atomic<int> begun = 0;
    std::string what;
    try {
      in_parallel(100000, threads, [&](std::size_t i) {
        ++begun;
        if (i == 2) throw std::runtime_error("piece 2");
      });
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
    CHECK(what == "piece 2");
    if (threads == 1) CHECK(begun == 3);
  }
}
