// SPDX-License-Identifier: Apache-2.0
// Launches that may start before what the grids before them write is there, under emulation.
#include "catch.hpp"
#include "emulation/emulated_hopper.hpp"

using namespace ditune;
using namespace ditune::test;
using Catch::Contains;
using emulation::Region;
using emulation::Use;

namespace {

constexpr SharedAddress kBarrier = 1024, kBox = 8192;
constexpr Shape kDependent{.dependent = true};

// Ways of a thread to touch global memory.
struct Access {
  std::string wrapper, verb;
  std::function<void()> make;
};

struct Memory {
  std::vector<Vec16> in = std::vector<Vec16>(16 * 8), out = in;
  std::vector<int> flags = std::vector<int>(4);

  std::vector<Region> regions() {
    return {{.name = "in", .data = in.data(), .row_bytes = in.size() * sizeof(Vec16)},
            {.name = "out", .data = out.data(), .row_bytes = out.size() * sizeof(Vec16), .use = Use::output},
            {.name = "flags", .data = flags.data(), .row_bytes = flags.size() * sizeof(int), .use = Use::scratch}};
  }
  TensorMap map(std::vector<Vec16>& of) { return encoded({of.data(), 16, 128, 128, 1, 16, 128}); }

  std::vector<Access> accesses() {
    return {
        {"global_load", "reads", [this] { global_load(&in.front().word[0]); }},
        {"global_load_l2_vec16", "reads", [this] { global_load_l2_vec16(flags.data()); }},
        {"global_store", "writes", [this] { global_store(&out.front().word[0], 1U); }},
        {"global_load_acquire", "reads", [this] { global_load_acquire(flags.data()); }},
        {"global_atomic_add", "reads", [this] { global_atomic_add(flags.data(), 0); }},
        {"copy_async", "reads",
         [this] {
           copy_async<16>(kBox, in.data(), true);
           copy_async_commit();
           copy_async_wait<0>();
         }},
        {"load_box", "reads",
         [this] {
           transaction_expect(kBarrier, 16 * 128);
           load_box(kBox, map(in), 0, 0, kBarrier);
           transaction_wait(kBarrier, 0);
         }},
        {"load_bytes", "reads",
         [this] {
           transaction_expect(kBarrier, 64);
           load_bytes(kBox, in.data(), 64, kBarrier);
           transaction_wait(kBarrier, 0);
         }},
        {"store_box", "writes",
         [this] {
           for (unsigned i = 0; i < 128; ++i) shared_store_vec<16>(kBox + 16 * i, Vec16{});
           async_fence();
           store_box(map(out), 0, 0, kBox);
           store_commit();
           store_wait_read<0>();
         }},
    };
  }
};

}  // namespace

TEST_CASE("a thread of a dependent launch waits for its prerequisites before it touches global memory") {
  Memory memory;
  for (const Access& access : memory.accesses()) {
    INFO(access.wrapper);
    const auto run = [&](const Shape& shape, bool waits) {
      return fault(shape, memory.regions(), [&] {
        init_barrier(kBarrier, 1);  // shared memory is its own
        if (waits) wait_for_prerequisites();
        if (thread_index() == 0) access.make();
      });
    };
    CHECK_THAT(run(kDependent, false),
               Contains(access.wrapper) &&
                   Contains("lane 0: " + access.verb + " global memory with no wait_for_prerequisites before"));
    CHECK(run(kDependent, true) == "");
    CHECK(run({}, false) == "");
  }
}

TEST_CASE("a thread that has waited for its prerequisites has waited for itself alone") {
  Memory memory;
  const auto run = [&](int waiting) {
    return fault(kDependent, memory.regions(), [&, waiting] {
      if (thread_index() == waiting) wait_for_prerequisites();
      block_barrier();
      if (thread_index() == 5) global_load(&memory.in.front().word[0]);
    });
  };
  CHECK(run(5) == "");
  CHECK_THAT(run(4), Contains("lane 5: reads global memory"));
}

TEST_CASE("a CTA has not waited because one before it in its place had") {
  Memory memory;
  CHECK(faults({.grid = 8, .dependent = true}, memory.regions(), [&] {
          if (block_index() != 5) wait_for_prerequisites();
          if (thread_index() == 0) global_load(&memory.in.front().word[0]);
        }) == kSeeds);
}
