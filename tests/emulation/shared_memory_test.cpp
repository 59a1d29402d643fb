// SPDX-License-Identifier: Apache-2.0
// Shared memory under emulated kernels: who sees what was written or copied to it, and when.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>

#include "catch.hpp"
#include "emulation/emulated_grid.hpp"

using namespace ditune;
using namespace ditune::test;
using Catch::Contains;
using emulation::Use;

TEST_CASE("shared memory has a size, and addresses are multiples of what is accessed") {
  CHECK_THAT(fault({}, [] { shared_store(kSharedBytes, 1); }),
             Contains("writes 4 bytes at shared address 1024, beyond the 1024"));
  CHECK_THAT(fault({}, [] { shared_store(kSharedBytes - 2, 1); }), Contains("beyond"));
  CHECK_THAT(fault({}, [] { shared_store_vec<16>(8, Vec16{}); }), Contains("no multiple"));
  const emulation::Launch large{.kernel = "k", .shared_bytes = 200, .shared_limit = 100};
  CHECK(emulation::emulate(
            large, {}, [] {}, emulation::running())
            .fault == "k: needs 200 bytes of shared memory, a CTA has 100");
}

TEST_CASE("what a thread writes to shared memory is there for others after a barrier, whatever the order") {
  const auto exchange = [](bool warp, bool block, int partner) {
    return [=] {
      const int mine = thread_index();
      shared_store(static_cast<unsigned>(mine) * 4, static_cast<unsigned>(mine));
      shared_load(static_cast<unsigned>(mine) * 4);
      if (warp) warp_barrier();
      if (block) block_barrier();
      shared_load(static_cast<unsigned>(mine ^ partner) * 4);
    };
  };
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const GridShape shape{.block = 64, .seed = seed};
    CHECK(fault(shape, exchange(false, true, 1)).empty());
    CHECK(fault(shape, exchange(true, true, 33)).empty());
    CHECK_THAT(fault(shape, exchange(true, false, 32)),
               Contains("nobody wrote") || Contains("another warp wrote with no barrier since"));
  }
  CHECK(fault({}, exchange(true, false, 5)).empty());
  CHECK_THAT(fault({},
                   [] {
                     shared_store(static_cast<unsigned>(thread_index()) * 4, 1);
                     if (thread_index() == 31) shared_load(0);
                   }),
             Contains("lane 31") && Contains("that another lane wrote with no barrier since"));
}

// Thread 32 goes on when thread 0 says so, which orders nothing.
TEST_CASE("a barrier of one warp, an exchange or an overwritten byte are no barrier for others") {
  const auto pass_on = [](Rows& rows, const std::function<void()>& between) {
    return [&rows, between] {
      if (thread_index() == 0) shared_store(4, 1);
      if (thread_index() < 32) {
        between();
        if (thread_index() == 0) global_atomic_add(rows.word(0), 1);
      } else if (thread_index() == 32) {
        while (global_load_acquire(rows.word(0)) == 0) {
        }
        shared_load(4);
      }
    };
  };
  const auto exchange = [] {
    int d[4] = {};
    mma_m16n8k32_s8(d, {0, 0, 0, 0}, 0, 0);
  };
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Rows rows;
    CHECK_THAT(fault_on(rows, Use::scratch, pass_on(rows, [] { warp_barrier(); }), {.block = 64, .seed = seed}),
               Contains("warp 1, lane 0: reads 4 bytes at shared address 4 that another warp wrote with no barrier"));
  }
  Rows rows;
  CHECK_THAT(fault_on(rows, Use::scratch,
                      [&] {
                        if (thread_index() == 0) shared_store(4, 1);
                        exchange();
                        if (thread_index() == 1) shared_load(4);
                      }),
             Contains("another lane wrote with no barrier since"));
  CHECK_THAT(fault({},
                   [&] {
                     if (thread_index() == 0) shared_store(4, 1);
                     exchange();
                     if (thread_index() == 1) shared_store(4, 2);
                     exchange();
                     if (thread_index() == 1) shared_load(4);
                     if (thread_index() == 2) shared_load(4);
                   }),
             Contains("lane 2: reads"));
}

TEST_CASE("a block finds nothing of the one before it in shared memory") {
  bool first = true;
  const auto look_or_leave = [&] {
    if (thread_index() != 0) return;
    if (!first) shared_load(0);
    first = false;
    shared_store(0, 1);
  };
  CHECK_THAT(fault({.grid = 2, .resident = 1}, look_or_leave), Contains("that nobody wrote"));
}

TEST_CASE("a barrier publishes what its threads wrote last, not what others wrote over it") {
  Rows rows;
  const auto say = [&](std::size_t flag) { global_atomic_add(rows.word(flag), 1); };
  const auto await = [&](std::size_t flag) {
    while (global_load_acquire(rows.word(flag)) == 0) {
    }
  };
  const auto overwrite = [&] {
    const int thread = thread_index();
    if (thread == 0) {
      shared_store(4, 1);
      say(0);
      await(4);
    }
    if (thread == 32) {
      await(0);
      shared_store(4, 2);
      say(4);
    }
    if (thread < 32) warp_barrier();
    if (thread == 0) say(8);
    if (thread == 33) {
      await(8);
      shared_load(4);
    }
  };
  CHECK_THAT(fault_on(rows, Use::scratch, overwrite, {.block = 64}),
             Contains("that another lane wrote with no barrier since"));
}

TEST_CASE("a copy's bytes are there once the group is waited for, and for others after a barrier") {
  Rows rows;
  std::iota(rows.bytes.begin(), rows.bytes.end(), static_cast<unsigned char>(1));
  const unsigned char* const from = rows.bytes.data();
  const auto copy = [&] { copy_async<16>(static_cast<unsigned>(thread_index()) * 16, from, true); };
  const auto load = [] { return shared_load(static_cast<unsigned>(thread_index()) * 16 + 4); };

  unsigned seen = 0;
  CHECK(fault_on(rows, Use::input, [&] {
          copy();
          copy_async_commit();
          copy_async_wait<0>();
          seen = load();
        }).empty());
  CHECK(seen == 0x08070605);
  CHECK(fault_on(rows, Use::input, [&] {
          copy_async<16>(static_cast<unsigned>(thread_index()) * 16, nullptr, false);  // touches no source
          copy_async_commit();
          copy_async_wait<0>();
          seen = load();
        }).empty());
  CHECK(seen == 0);

  const std::string early = "that a copy has not brought yet";
  CHECK_THAT(fault_on(rows, Use::input,
                      [&] {
                        copy();
                        copy_async_commit();
                        load();
                      }),
             Contains(early));
  CHECK_THAT(fault_on(rows, Use::input,
                      [&] {
                        copy();
                        copy_async_wait<0>();
                        load();
                      }),
             Contains(early));  // no group
  CHECK_THAT(fault_on(rows, Use::input,
                      [&] {
                        copy();
                        copy_async_commit();
                        copy_async_wait<1>();
                        load();
                      }),
             Contains(early));
  CHECK(fault_on(rows, Use::input, [&] {
          copy();
          copy_async_commit();
          copy_async_commit();
          copy_async_wait<1>();
          load();
        }).empty());
  CHECK_THAT(fault_on(rows, Use::input,
                      [&] {
                        copy();
                        copy_async_commit();
                        shared_store(static_cast<unsigned>(thread_index()) * 16, 1);
                      }),
             Contains("writes 4 bytes") && Contains(early));
  CHECK_THAT(fault_on(rows, Use::input,
                      [&] {
                        copy();
                        copy();
                      }),
             Contains("copies 16 bytes") && Contains(early));
  CHECK_THAT(fault_on(rows, Use::input,
                      [&] {
                        copy();
                        copy_async_commit();
                      }),
             Contains("copy_async") && Contains("is never waited for"));
  CHECK_THAT(fault_on(rows, Use::input,
                      [&] {
                        if (thread_index() == 0) copy();
                        copy_async_commit();
                        copy_async_wait<0>();
                        if (thread_index() == 1) shared_load(0);
                      }),
             Contains("another lane wrote with no barrier since"));
}

TEST_CASE("of three groups of copies, waiting for all but one brings two") {
  Rows rows;
  const auto third = [&](bool early) {
    return [&rows, early] {
      const auto mine = static_cast<unsigned>(thread_index()) * 4;
      for (const unsigned group : {0U, 256U, 512U}) {
        copy_async<4>(group + mine, rows.bytes.data(), true);
        copy_async_commit();
      }
      copy_async_wait<1>();
      shared_load(mine);
      shared_load(256 + mine);
      if (early) shared_load(512 + mine);
      copy_async_wait<0>();
      shared_load(512 + mine);
    };
  };
  CHECK(fault_on(rows, Use::input, third(false)).empty());
  CHECK_THAT(fault_on(rows, Use::input, third(true)), Contains("that a copy has not brought yet"));
}
