// SPDX-License-Identifier: Apache-2.0
// Global memory under emulated kernels: what may be read and written, and who sees it.
#include <cstdint>
#include <stdexcept>

#include "catch.hpp"
#include "emulation/emulated_grid.hpp"

using namespace ditune;
using namespace ditune::test;
using Catch::Contains;
using emulation::Use;

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
    const GridShape shape{.grid = 2, .block = 64, .seed = seed};
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
