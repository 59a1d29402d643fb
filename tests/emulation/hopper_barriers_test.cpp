// SPDX-License-Identifier: Apache-2.0
// Barriers of Hopper under emulation: transaction barriers, named ones, those of clusters.
#include <array>

#include "catch.hpp"
#include "emulation/emulated_hopper.hpp"

using namespace ditune;
using namespace ditune::test;
using Catch::Contains;

namespace {

constexpr SharedAddress kBarrier = 1024;

}  // namespace

TEST_CASE("a phase is over when all have arrived, and what they wrote before is there") {
  const auto pass_on = [](bool waits, int arrivals) {
    return [=] {
      init_barrier(kBarrier, arrivals);
      const int thread = thread_index();
      if (thread >= 64) {
        shared_store(static_cast<unsigned>(thread) * 4, static_cast<unsigned>(thread));
        transaction_arrive(kBarrier);
      } else {
        if (waits) transaction_wait(kBarrier, 0);
        shared_load((static_cast<unsigned>(thread) + 64) * 4);
      }
    };
  };
  CHECK(fault({}, pass_on(true, 64)) == "");
  CHECK_THAT(fault({}, pass_on(false, 64)), Contains("nobody wrote") || Contains("another warp wrote"));
  CHECK_THAT(
      fault({}, pass_on(true, 65)),
      Contains("transaction_wait") && Contains("waits for the end of a phase that lacks 1 arrivals and 0 bytes"));
}

TEST_CASE("what is written after the arrival is not there") {
  CHECK_THAT(fault({},
                   [] {
                     init_barrier(kBarrier, 1);
                     if (thread_index() == 0) {
                       transaction_arrive(kBarrier);
                       shared_store(0, 1);
                     } else if (thread_index() == 32) {
                       transaction_wait(kBarrier, 0);
                       shared_load(0);
                     }
                   }),
             Contains("another warp wrote with no barrier since") || Contains("nobody wrote"));
}

TEST_CASE("a phase brings what was written before it, not what came later") {
  alignas(16) std::array<int, 4> flag{};
  const emulation::Region region{
      .name = "flag", .data = flag.data(), .row_bytes = sizeof(flag), .use = emulation::Use::scratch};
  const auto kernel = [&] {
    init_barrier(kBarrier, 1);
    if (thread_index() == 0) {
      shared_store(0, 1);
      transaction_arrive(kBarrier);
      shared_store(0, 2);
      global_atomic_add(flag.data(), 1);  // orders nothing
    } else if (thread_index() == 32) {
      while (global_load_acquire(flag.data()) == 0) {
      }
      global_store(flag.data(), 0);
      transaction_arrive(kBarrier);
      transaction_wait(kBarrier, 1);
      shared_load(0);
    }
  };
  CHECK_THAT(fault({}, {region}, kernel), Contains("another warp wrote with no barrier since"));
}

TEST_CASE("parities tell one phase from the next, not from the next but one") {
  const auto after = [](int phases, unsigned parity) {
    return fault({}, [=] {
      init_barrier(kBarrier, 1);
      if (thread_index() == 0)
        for (int i = 0; i < phases; ++i) transaction_arrive(kBarrier);
      block_barrier();
      if (thread_index() == 40) transaction_wait(kBarrier, parity);
    });
  };
  CHECK(after(0, 1) == "");  // the phase before the first
  CHECK_THAT(after(0, 0), Contains("lacks"));
  CHECK(after(1, 0) == "");
  CHECK_THAT(after(1, 1), Contains("lacks"));
  CHECK_THAT(after(2, 0), Contains("lacks"));  // was over, and is not again
  CHECK_THAT(after(0, 2), Contains("waits for a phase of parity 2"));
}

TEST_CASE("a thread that comes too late finds the phase after the next, as on a GPU") {
  const auto two_phases = [] {
    init_barrier(kBarrier, 1);
    if (thread_index() == 0) {
      transaction_arrive(kBarrier);
      transaction_arrive(kBarrier);
    } else if (thread_index() == 32) {
      transaction_wait(kBarrier, 0);
    }
  };
  int late = 0;
  for (std::uint64_t seed = 0; seed < 32; ++seed) late += !fault({}, seed, {}, two_phases).empty();
  CHECK(late > 0);
  CHECK(late < 32);
}

TEST_CASE("a transaction barrier is initialized once, in a place of its own, and seen by those that use it") {
  const auto by_first = [](const std::function<void()>& what) {
    return fault({}, [&] {
      if (thread_index() == 0) what();
    });
  };
  CHECK_THAT(by_first([] { transaction_arrive(kBarrier); }),
             Contains("transaction_arrive") && Contains("shared address 1024, which is not initialized"));
  CHECK_THAT(by_first([] { transaction_init(kBarrier + 4, 1); }), Contains("no multiple"));
  CHECK_THAT(by_first([] { transaction_init(kShared, 1); }), Contains("beyond"));
  CHECK_THAT(by_first([] { transaction_init(kBarrier, 0); }), Contains("for 0 arrivals"));
  CHECK_THAT(by_first([] {
               transaction_init(kBarrier, 1);
               transaction_init(kBarrier, 1);
             }),
             Contains("which is one already"));
  CHECK_THAT(by_first([] {
               transaction_init(kBarrier, 1);
               shared_store(kBarrier + 4, 0);
               transaction_arrive(kBarrier);
             }),
             Contains("which was overwritten"));
  CHECK_THAT(fault({},
                   [] {
                     if (thread_index() == 0) transaction_init(kBarrier, 1);
                     warp_barrier();
                     if (thread_index() == 1) transaction_arrive(kBarrier);
                     if (thread_index() == 32) transaction_wait(kBarrier, 0);
                   }),
             Contains("another warp wrote with no barrier since") || Contains("not initialized"));
}

TEST_CASE("a phase has no more arrivals than it was initialized for") {
  CHECK_THAT(fault({},
                   [] {
                     init_barrier(kBarrier, 1);
                     if (thread_index() != 0) return;
                     transaction_expect(kBarrier, 16);
                     transaction_arrive(kBarrier);
                   }),
             Contains("one more arrival than the 1 of a phase"));
}

TEST_CASE("a barrier of another CTA is signalled once it is fenced and the cluster has met, and while the CTA runs") {
  const auto signal = [](bool fence, bool meet, bool wait) {
    return [=] {
      if (thread_index() == 0) {
        transaction_init(kBarrier, 1);
        if (fence) transaction_init_fence();
      }
      if (meet)
        cluster_barrier();
      else
        block_barrier();
      if (thread_index() != 0) return;
      transaction_arrive_at(kBarrier, cluster_rank() ^ 1);
      if (wait) transaction_wait(kBarrier, 0);
    };
  };
  const Shape shape{.grid = 4, .cluster = 2, .block = 64};
  CHECK(fault(shape, signal(true, true, true)) == "");
  CHECK_THAT(fault(shape, signal(false, true, true)), Contains("with no transaction_init_fence since"));
  CHECK_THAT(fault(shape, signal(true, false, true)),
             Contains("no cluster_barrier since") || Contains("not initialized") || Contains("with no fence since"));
  CHECK_THAT(fault(shape, signal(true, true, false)), Contains("transaction_arrive_at") && Contains("which has ended"));
  CHECK_THAT(fault(shape,
                   [] {
                     init_barrier(kBarrier, 1);
                     if (thread_index() == 0) transaction_arrive_at(kBarrier, 2);
                   }),
             Contains("signals CTA 2 of a cluster of 2"));
}

TEST_CASE("that a barrier is there is known by a barrier of the cluster, not by luck") {
  alignas(16) std::array<int, 4> ready{};
  const emulation::Region region{
      .name = "ready", .data = ready.data(), .row_bytes = sizeof(ready), .use = emulation::Use::scratch};
  const auto signal = [&] {
    init_barrier(kBarrier, 1);
    if (thread_index() != 0) return;
    global_atomic_add(ready.data(), 1);
    while (global_load_acquire(ready.data()) < 2) {
    }
    transaction_arrive_at(kBarrier, cluster_rank() ^ 1);
  };
  CHECK_THAT(fault({.grid = 2, .cluster = 2}, {region}, signal), Contains("with no cluster_barrier since"));
}

TEST_CASE("a signal to a CTA of the cluster orders no memory") {
  CHECK_THAT(fault({},
                   [] {
                     init_barrier(kBarrier, 1);
                     if (thread_index() == 0) {
                       shared_store(0, 1);
                       transaction_arrive_at(kBarrier, 0);
                     } else if (thread_index() == 32) {
                       transaction_wait(kBarrier, 0);
                       shared_load(0);
                     }
                   }),
             Contains("another warp wrote with no barrier since"));
}

TEST_CASE("a named barrier is one of as many threads, in whole warps") {
  const auto exchange = [](int id, int threads, int from) {
    return [=] {
      const auto mine = static_cast<unsigned>(thread_index());
      shared_store(mine * 4, mine);
      if (thread_index() < from) return;
      named_barrier(id, threads);
      shared_load((mine ^ 32) * 4);
    };
  };
  CHECK(fault({}, exchange(1, 128, 0)) == "");
  CHECK(fault({}, exchange(15, 64, 64)) == "");
  CHECK_THAT(fault({}, exchange(2, 128, 32)), Contains("is not reached by all: 96 of 128 threads are there"));
  CHECK_THAT(fault({}, exchange(2, 96, 48)),
             Contains("is not reached by all: 64 of 96 threads are there, warp 1, lane 0 has ended"));
  CHECK_THAT(fault({}, exchange(0, 128, 0)), Contains("barrier 0 is none of 1 to 15"));
  CHECK_THAT(fault({}, exchange(16, 128, 0)), Contains("barrier 16 is none of 1 to 15"));
  CHECK_THAT(fault({}, exchange(1, 48, 0)), Contains("48 threads are no whole warps"));
  CHECK_THAT(fault({}, [] { named_barrier(1, thread_index() < 64 ? 128 : 96); }), Contains("where others wait for"));
  const auto apart = [] {
    if (thread_index() % 32 == 3) {
      named_barrier(1, 128);
    } else {
      named_barrier(1, 128);
    }
  };
  CHECK_THAT(fault({}, apart), Contains("other lanes of the warp are at named_barrier"));
}

TEST_CASE("a named barrier serves again") {
  CHECK(fault({}, [] {
          const auto mine = static_cast<unsigned>(thread_index());
          for (unsigned round = 0; round < 4; ++round) {
            shared_store(mine * 4, mine + round);
            named_barrier(1, 128);
            if (shared_load((mine ^ 32) * 4) != (mine ^ 32) + round) throw std::logic_error("not seen");
            named_barrier(1, 128);
          }
        }) == "");
}

TEST_CASE("a named barrier is no barrier for others") {
  CHECK_THAT(fault({},
                   [] {
                     const int thread = thread_index();
                     if (thread == 0) shared_store(0, 1);
                     if (thread >= 32) named_barrier(1, 96);
                     if (thread == 64) shared_load(0);
                   }),
             Contains("another warp wrote with no barrier since") || Contains("nobody wrote"));
}

TEST_CASE("the CTAs of a cluster have ranks, run at once and meet") {
  std::array<int, 8> ranks{};
  std::array<int, 4> came{};
  int apart = 0;
  CHECK(fault({.grid = 8, .cluster = 2, .block = 32}, 1, {}, [&] {
          if (thread_index() == 0) ranks[block_index()] = cluster_rank();
          if (thread_index() == 0) ++came[block_index() / 2];
          cluster_barrier();
          apart += came[block_index() / 2] != 2;
        }) == "");
  CHECK(ranks == std::array{0, 1, 0, 1, 0, 1, 0, 1});
  CHECK(apart == 0);
  ranks = {};
  CHECK(fault({.grid = 4, .cluster = 4, .block = 32}, 1, {}, [&] { ranks[block_index()] = 10 + cluster_rank(); }) ==
        "");
  CHECK(ranks == std::array{10, 11, 12, 13, 0, 0, 0, 0});
  CHECK_THROWS_AS(fault({.grid = 3, .cluster = 2}, [] {}), std::invalid_argument);
}

TEST_CASE("a barrier of the cluster does not wait for threads that have ended, but for all others") {
  CHECK(fault({.grid = 2, .cluster = 2}, [] {
          if (thread_index() < 96) return cluster_barrier();
          for (int i = 0; i < 200; ++i) warp_barrier();  // ends when all others are there
        }) == "");
  CHECK(fault({.grid = 2, .cluster = 2}, [] {
          if (thread_index() != 5) cluster_barrier();
        }) == "");
  CHECK_THAT(fault({.grid = 2, .cluster = 2},
                   [] {
                     init_barrier(kBarrier, 1);
                     if (block_index() == 1 && thread_index() == 5)
                       transaction_wait(kBarrier, 0);
                     else
                       cluster_barrier();
                   }),
             Contains("is not reached by all") && Contains("warp 0, lane 5 waits at transaction_wait"));
}

TEST_CASE("what a CTA writes to global memory is there for its cluster after they have met") {
  const auto pass_on = [](bool meet, int reader) {
    alignas(16) std::array<int, 4> words{};
    const emulation::Region region{
        .name = "words", .data = words.data(), .row_bytes = sizeof(words), .use = emulation::Use::output};
    return faults({.grid = 4, .cluster = 2, .block = 32}, {region}, [&] {
      if (block_index() == 0) global_store(&words[static_cast<std::size_t>(thread_index() % 4)], 1);
      if (meet) cluster_barrier();
      if (static_cast<int>(block_index()) == reader) global_load_acquire(words.data());
    });
  };
  CHECK(pass_on(true, 1) == 0);
  CHECK(pass_on(false, 1) == kSeeds);
  CHECK(pass_on(true, 2) == kSeeds);
}

TEST_CASE("warp_uniform hands round the value of lane 0") {
  int wrong = 0;
  CHECK(fault({.block = 64}, [&] { wrong += warp_uniform(thread_index()) != thread_index() / 32 * 32; }) == "");
  CHECK(wrong == 0);
}
