// SPDX-License-Identifier: Apache-2.0
// The machine under emulated kernels: each fault it must name, and what it must let pass.
#include <algorithm>
#include <array>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "emulation/emulate.hpp"
#include "hardware.cuh"

using namespace ditune;
using emulation::Region;
using emulation::Report;
using emulation::Use;

namespace {

struct Shape {
  int grid = 1, block = 32;
  std::uint64_t seed = 0;
  int resident = 3;
};

constexpr std::size_t kShared = 1024;

Report run(const Shape& shape, const std::vector<Region>& memory, const std::function<void()>& thread) {
  return emulation::emulate({.kernel = "k",
                             .grid = shape.grid,
                             .block = shape.block,
                             .shared_bytes = kShared,
                             .shared_limit = kShared,
                             .seed = shape.seed,
                             .resident = shape.resident},
                            memory, thread, emulation::running());
}

std::string fault(const Shape& shape, const std::function<void()>& thread) { return run(shape, {}, thread).fault; }

// Rows of 32 bytes, 48 apart.
struct Rows {
  alignas(16) std::array<unsigned char, 80> bytes{};
  Region region(Use use) {
    return {.name = "rows", .data = bytes.data(), .row_bytes = 32, .rows = 2, .pitch = 48, .use = use};
  }
  int* word(std::size_t byte) { return reinterpret_cast<int*>(bytes.data() + byte); }
};

std::string fault_on(Rows& rows, Use use, const std::function<void()>& thread, const Shape& shape = {}) {
  return run(shape, {rows.region(use)}, thread).fault;
}

using Catch::Contains;

}  // namespace

TEST_CASE("a fault is a sentence that names kernel, wrapper, place in the source, block, warp and lane") {
  const std::string text = fault({.grid = 2, .block = 64}, [] {
    if (block_index() == 1 && thread_index() == 45) shared_load(8);
  });
  CHECK_THAT(text, Catch::Matchers::StartsWith("k: shared_load (emulation_test.cpp:"));
  CHECK_THAT(text, Contains("block 1, warp 1, lane 13: reads 4 bytes at shared address 8 that nobody wrote"));
}

TEST_CASE("threads that wait for one that will not come are told which") {
  CHECK_THAT(fault({.block = 64},
                   [] {
                     if (thread_index() < 32) block_barrier();
                   }),
             Contains("block_barrier") && Contains("is not reached by all: warp 1, lane 0 has ended"));
  CHECK_THAT(fault({.block = 64},
                   [] {
                     if (thread_index() != 7) warp_barrier();
                   }),
             Contains("warp_barrier") && Contains("is not reached by all: warp 0, lane 7 has ended"));
  CHECK_THAT(fault({},
                   [] {
                     if (thread_index() < 9)
                       block_barrier();
                     else
                       warp_barrier();
                   }),
             Contains("is not reached by all: warp 0, lane") && Contains("waits at"));
  CHECK_THAT(fault({},
                   [] {
                     unsigned r[4];
                     shared_store_vec<16>(static_cast<unsigned>(thread_index()) * 16, Vec16{});
                     if (thread_index() == 3)
                       warp_barrier();
                     else
                       load_matrix_x4(r, static_cast<unsigned>(thread_index()) * 16);
                   }),
             Contains("other lanes of the warp are at"));
}

TEST_CASE("shared memory has a size, and addresses are multiples of what is accessed") {
  CHECK_THAT(fault({}, [] { shared_store(kShared, 1); }),
             Contains("writes 4 bytes at shared address 1024, beyond the 1024"));
  CHECK_THAT(fault({}, [] { shared_store(kShared - 2, 1); }), Contains("beyond"));
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
    const Shape shape{.block = 64, .seed = seed};
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

TEST_CASE("all lanes of a warp come to the same barrier of the block") {
  const auto apart = [](int first, int last) {  // these threads at another site than the rest
    return [=] {
      if (thread_index() >= first && thread_index() <= last) {
        block_barrier();
      } else {
        block_barrier();
      }
    };
  };
  const std::string one_lane = fault({.block = 64}, apart(5, 5)), one_warp = fault({.block = 64}, apart(0, 31));
  CHECK_THAT(one_lane, Contains("other lanes of the warp are at block_barrier"));
  CHECK(one_warp.empty());
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

TEST_CASE("accesses to global memory stay in rows that are there, aligned, as the launch may use them") {
  Rows rows;
  CHECK(fault_on(rows, Use::input, [&] {
          global_load_vec16(rows.word(64));
          global_load(rows.word(48 + 28));
        }).empty());
  CHECK_THAT(fault_on(rows, Use::input, [&] { global_load(rows.word(32)); }),
             Contains("reads 4 bytes at row 0, byte 32 of rows, which has 32 a row"));
  CHECK_THAT(fault_on(rows, Use::input, [&] { global_load_vec16(rows.word(8)); }), Contains("no multiple"));
  CHECK_THAT(fault_on(rows, Use::input, [&] { global_load(rows.word(80)); }),
             Contains("0 bytes behind the end of rows"));
  CHECK_THAT(fault_on(rows, Use::input, [&] { global_load(rows.word(0) - 1); }), Contains("4 bytes before rows"));
  CHECK_THAT(fault_on(rows, Use::input, [&] { global_load(reinterpret_cast<const int*>(16)); }),
             Contains("none of the launch's"));
  CHECK_THAT(fault_on(rows, Use::input, [&] { global_store(rows.word(0), 1); }),
             Contains("writes 4 bytes at row 0, byte 0 of rows, which is an input"));
  CHECK_THAT(fault_on(rows, Use::input, [&] { prefetch(rows.word(80)); }), Contains("prefetches"));
  CHECK_THAT(fault_on(rows, Use::input, [&] { copy_async<16>(0, rows.word(80), true); }),
             Contains("copy_async") && Contains("behind the end of rows"));
  CHECK_THAT(fault_on(rows, Use::output, [&] { global_load_acquire(rows.word(0)); }), Contains("that nobody wrote"));
  CHECK_THAT(fault_on(rows, Use::scratch, [&] { global_load(rows.word(0)); }),
             Contains("as if nobody wrote it during the launch"));
  CHECK(fault_on(rows, Use::output, [&] { global_store(rows.word(0), 1); }).empty());
  CHECK(*rows.word(0) == 1);
}

TEST_CASE("scratch memory is left zero") {
  Rows rows;
  const auto leave = [&](int value) {
    return [&rows, value] {
      if (thread_index() != 0) return;
      global_store(rows.word(52), 1);
      global_store(rows.word(52), value);
    };
  };
  CHECK(fault_on(rows, Use::scratch, leave(0)).empty());
  CHECK(fault_on(rows, Use::scratch, leave(1)) == "k: leaves byte 52 of rows not zero");
}

TEST_CASE("what a block writes is there for another once it was fenced and then told") {
  const auto pass_on = [](Rows& rows, bool barrier, bool fenced) {
    return [&rows, barrier, fenced] {
      int* const flag = rows.word(0);
      if (block_index() == 0) {
        if (thread_index() == 40) global_store(rows.word(4), 7);
        if (barrier) block_barrier();
        if (thread_index() != 0) return;
        if (fenced) device_fence();
        global_atomic_add(flag, 1);
        return;
      }
      if (thread_index() != 0) return;
      while (global_load_acquire(flag) != 1) {
      }
      if (global_load_acquire(rows.word(4)) != 7) throw std::logic_error("not seen");
      global_store(rows.word(4), 0);
      global_store(flag, 0);
    };
  };
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    Rows rows;
    const Shape shape{.grid = 2, .block = 64, .seed = seed};
    CHECK(fault_on(rows, Use::scratch, pass_on(rows, true, true), shape).empty());
    CHECK_THAT(fault_on(rows, Use::scratch, pass_on(rows, true, false), shape),
               Contains("that block 0 wrote with no fence since"));
  }
}

TEST_CASE("what is fenced stays so behind a barrier of the block") {
  Rows rows;
  CHECK(fault_on(rows, Use::scratch,
                 [&] {
                   if (block_index() == 0) {
                     if (thread_index() == 0) {
                       global_store(rows.word(4), 0);
                       device_fence();
                     }
                     block_barrier();
                     if (thread_index() == 0) global_atomic_add(rows.word(0), 1);
                   } else if (thread_index() == 0) {
                     while (global_load_acquire(rows.word(0)) != 1) {
                     }
                     global_load_acquire(rows.word(4));
                     global_store(rows.word(0), 0);
                   }
                 },
                 {.grid = 2, .block = 64})
            .empty());
}

TEST_CASE("a thread that waits for what nobody will write is a fault, not a hang") {
  Rows rows;
  CHECK_THAT(fault_on(rows, Use::scratch,
                      [&] {
                        while (global_load_acquire(rows.word(0)) != 1) {
                        }
                      }),
             Contains("global_load_acquire") && Contains("waits for a value that no thread will write"));
}

TEST_CASE("blocks and warps run in an order that the seed draws") {
  const auto order = [](std::uint64_t seed) {
    std::vector<int> came;
    run({.grid = 8, .block = 64, .seed = seed}, {}, [&] {
      for (int i = 0; i < 2; ++i) {
        if (thread_index() % 32 == 0) came.push_back(static_cast<int>(block_index()) * 2 + thread_index() / 32);
        block_barrier();
      }
    });
    return came;
  };
  std::set<std::vector<int>> orders;
  std::set<int> first;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    std::vector<int> came = order(seed);
    CHECK(came == order(seed));
    orders.insert(came);
    std::ranges::sort(came);
    for (std::size_t i = 0; i < came.size(); ++i) CHECK(came[i] == static_cast<int>(i / 2));
  }
  CHECK(orders.size() == 4);
  for (std::uint64_t seed = 0; seed < 16; ++seed) first.insert(order(seed).front() / 2);
  CHECK(first.size() > 3);  // any block may be first, not only those that fit
}

TEST_CASE("one warp may run far ahead of another, and both run in turns") {
  int most_ahead = 0, most_turns = 0;
  std::set<unsigned> first;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    std::vector<unsigned> came;
    run({.grid = 2, .seed = seed}, {}, [&] {
      for (int i = 0; i < 64; ++i) {
        if (thread_index() == 0) came.push_back(block_index());
        warp_barrier();
      }
    });
    const auto second_half = came.begin() + 64;
    most_ahead = std::max(most_ahead, static_cast<int>(std::count(came.begin(), second_half, came.front())));
    int turns = 1;
    for (std::size_t i = 1; i < came.size(); ++i) turns += came[i] != came[i - 1];
    most_turns = std::max(most_turns, turns);
    first.insert(came.front());
  }
  CHECK(first.size() == 2);
  CHECK(most_ahead > 55);
  CHECK(most_turns > 8);
}

TEST_CASE("an exception of the kernel's code comes out") {
  CHECK_THROWS_WITH(fault({.block = 64},
                          [] {
                            block_barrier();
                            if (thread_index() == 33) throw std::runtime_error("mine");
                          }),
                    "mine");
  CHECK_THROWS_AS(fault({.block = 33}, [] {}), std::invalid_argument);
}

TEST_CASE("mma_m16n8k32_s8 multiplies fragments as the PTX ISA lays them out") {
  std::array<std::array<int, 32>, 16> a{};
  std::array<std::array<int, 8>, 32> b{};
  for (int i = 0; i < 16; ++i)
    for (int k = 0; k < 32; ++k) a[i][k] = (i * 37 + k * 11) % 256 - 128;
  for (int k = 0; k < 32; ++k)
    for (int j = 0; j < 8; ++j) b[k][j] = (k * 29 + j * 53) % 256 - 128;
  const auto pack = [](auto&& at) {
    unsigned word = 0;
    for (int i = 0; i < 4; ++i) word |= (static_cast<unsigned>(at(i)) & 0xff) << (8 * i);
    return word;
  };
  // Accumulators of lane l: rows l / 4 and l / 4 + 8, columns l % 4 * 2 and the next.
  int wrong = 0;
  CHECK(fault({}, [&] {
          const int group = thread_index() / 4, quad = thread_index() % 4;
          unsigned fragment[4];
          for (int r = 0; r < 4; ++r)
            fragment[r] = pack([&](int i) { return a[group + r % 2 * 8][r / 2 * 16 + quad * 4 + i]; });
          const unsigned b0 = pack([&](int i) { return b[quad * 4 + i][group]; });
          const unsigned b1 = pack([&](int i) { return b[16 + quad * 4 + i][group]; });
          int d[4] = {1, 2, 3, 4};
          mma_m16n8k32_s8(d, fragment, b0, b1);
          for (int r = 0; r < 4; ++r) {
            int expected = r + 1;
            for (int k = 0; k < 32; ++k) expected += a[group + r / 2 * 8][k] * b[k][quad * 2 + r % 2];
            wrong += d[r] != expected;
          }
        }).empty());
  CHECK(wrong == 0);
}

TEST_CASE("load_matrix_x4 hands row l / 4 of each matrix to lane l, four bytes each") {
  int wrong = 0;
  CHECK(fault({}, [&] {
          const auto row =
              static_cast<unsigned>(thread_index());  // row % 8 of matrix row / 8, 16 bytes, its number in each
          shared_store_vec<16>(row * 16, {{row * 4, row * 4 + 1, row * 4 + 2, row * 4 + 3}});
          warp_barrier();
          unsigned r[4];
          load_matrix_x4(r, row * 16);
          for (unsigned i = 0; i < 4; ++i) wrong += r[i] != (i * 8 + row / 4) * 4 + row % 4;
          load_matrix_x4(r, (row ^ 8) * 16);  // matrices 0 and 1, 2 and 3 change places
          for (unsigned i = 0; i < 4; ++i) wrong += r[i] != ((i ^ 1) * 8 + row / 4) * 4 + row % 4;
        }).empty());
  CHECK(wrong == 0);
}

TEST_CASE("a shuffle and a vote are an exchange each") {
  const emulation::Site here{"shuffle", "emulation_test.cpp", 1}, there{"vote", "emulation_test.cpp", 2};
  int wrong = 0;
  CHECK(fault({.block = 64}, [&] {
          const int thread = thread_index(), lane = thread % emulation::kWarp;
          const emulation::WarpExchange<int> values(thread * 3, here);
          for (int mask = 1; mask < emulation::kWarp; mask *= 2) wrong += values.of(lane ^ mask) != (thread ^ mask) * 3;
          const emulation::WarpExchange<bool> votes(thread % 5 == 0, there);
          int ballot = 0;
          for (int other = 0; other < emulation::kWarp; ++other) ballot += votes.of(other);
          wrong += ballot != (thread < 32 ? 7 : 6);
        }).empty());
  CHECK(wrong == 0);
}

TEST_CASE("a kernel that goes on and on is a fault, be it from barrier to barrier or from access to access") {
  const auto endless = [](const std::function<void()>& step) {
    std::array<int, 32> y{};
    const Region region{.name = "y", .data = y.data(), .row_bytes = sizeof(y), .use = Use::output};
    return emulation::emulate(
               {.kernel = "k", .shared_bytes = 64, .shared_limit = 64}, std::vector{region},
               [&] {
                 for (;;) {
                   global_store(&y[static_cast<std::size_t>(thread_index())], 1);
                   step();
                 }
               },
               emulation::running())
        .fault;
  };
  CHECK_THAT(endless([] { warp_barrier(); }), Contains("k: behind warp_barrier") &&
                                                  Contains("block 0, warp 0, lane ") &&
                                                  Contains("comes to no end: in"));
  CHECK_THAT(endless([] {}),
             Contains("global_store") && Contains("comes to no end") && Contains("nobody was waited for"));
}
