// SPDX-License-Identifier: Apache-2.0
// The machine under emulated kernels: what its faults say, its orders, and what a warp does together.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "emulation/emulated_grid.hpp"

using namespace ditune;
using namespace ditune::test;
using Catch::Contains;
using emulation::Region;
using emulation::Use;

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
