// SPDX-License-Identifier: Apache-2.0
// Bulk stores of Hopper under emulation, and the fences by which threads and units hand bytes to one another.
#include "catch.hpp"
#include "emulation/boxes.hpp"

using namespace ditune;
using namespace ditune::test;
using Catch::Contains;
using emulation::Use;

TEST_CASE("a box is stored from swizzled rows, clipped to the tensor") {
  for (const auto& [element, row_bytes] : kWidths) {
    const int width = row_bytes, bytes = kBoxRows * width;
    for (const auto& [row, column] : {std::pair(0, 0), {12, 128 / element}, {12, 184 / element}, {-2, -4}}) {
      Tensor tensor(20, 200 / element, element), before = tensor;
      const int r = row, c = column;
      CAPTURE(element, width, r, c);
      CHECK(fault({}, 1, {tensor.region(Use::output)}, [&] {
              for (int i = thread_index() * 4; i < bytes; i += 512)
                shared_store(place(kBox, i / width, i % width, width), static_cast<unsigned>(i) * 0x9e3779b9U);
              async_fence();
              block_barrier();
              if (thread_index() != 0) return;
              store_box(tensor.map(width), r, c, kBox);
              store_commit();
              store_wait_read<0>();
            }) == "");
      for (int i = 0; i < bytes; ++i) {
        unsigned char* const there = before.at(r, c, i / width, i % width);
        const unsigned word = static_cast<unsigned>(i / 4 * 4) * 0x9e3779b9U;
        if (there != nullptr) *there = static_cast<unsigned char>(word >> (i % 4 * 8));
      }
      CHECK(std::memcmp(tensor.bytes(), before.bytes(), tensor.storage.size() * 16) == 0);
    }
  }
}

TEST_CASE("what is stored was fenced by those that wrote it, before the barrier") {
  Tensor tensor(16, 128, 1);
  const auto store = [&](bool before, bool barrier, bool after, bool again) {
    return fault({}, {tensor.region(Use::output)}, [&] {
      for (unsigned i = 0; i < 4; ++i) shared_store(kBox + i * 512 + static_cast<unsigned>(thread_index()) * 4, i);
      if (before) async_fence();
      if (barrier) block_barrier();
      if (after) async_fence();
      if (again) block_barrier();
      if (thread_index() != 0) return;
      store_box(tensor.map(), 0, 0, kBox);
      store_commit();
      store_wait_read<0>();
    });
  };
  const std::string unfenced = "written with no async_fence before the barrier";
  CHECK(store(true, true, false, false) == "");
  CHECK(store(false, true, true, true) == "");
  CHECK_THAT(store(false, true, false, false), Contains(unfenced));
  CHECK_THAT(store(false, true, true, false), Contains(unfenced));
  CHECK_THAT(store(true, false, false, false), Contains("wrote with no barrier since") || Contains("nobody wrote"));
}

TEST_CASE("a fence is known in a warp after a barrier of the warp, elsewhere after others") {
  Tensor tensor(16, 32, 1);
  const auto store = [&](const std::function<void()>& meet, int by) {
    return fault({}, {tensor.region(Use::output)}, [&] {
      if (thread_index() < 32)
        for (unsigned i = 0; i < 4; ++i)
          shared_store_vec<16>(kBox + i * 512 + static_cast<unsigned>(thread_index()) * 16, Vec16{});
      block_barrier();
      if (thread_index() < 32) async_fence();
      meet();
      if (thread_index() != by) return;
      store_box(tensor.map(), 0, 0, kBox);
      store_commit();
      store_wait_read<0>();
    });
  };
  CHECK(store([] { warp_barrier(); }, 1) == "");
  CHECK_THAT(store([] { warp_barrier(); }, 33), Contains("no async_fence"));
  CHECK(store([] { named_barrier(1, 128); }, 33) == "");
}

TEST_CASE("a fence before an arrival is known when the phase is over") {
  Tensor tensor(16, 128, 1);
  const auto store = [&](bool fence) {
    return fault({}, {tensor.region(Use::output)}, [&, fence] {
      for (unsigned i = 0; i < 4; ++i) shared_store(kBox + i * 512 + static_cast<unsigned>(thread_index()) * 4, i);
      init_barrier(kBarrier, 128);
      if (fence) async_fence();
      transaction_arrive(kBarrier);
      if (thread_index() != 33) return;
      transaction_wait(kBarrier, 0);
      store_box(tensor.map(), 0, 0, kBox);
      store_commit();
      store_wait_read<0>();
    });
  };
  CHECK(store(true) == "");
  CHECK_THAT(store(false), Contains("no async_fence"));
}

TEST_CASE("what a load overwrites was fenced by those that wrote or read it, before they handed it over") {
  Tensor tensor(16, 128, 1);
  enum class Fence { none, before, after };
  const auto reload = [&](bool read, Fence fence) {
    return fault({}, {tensor.region(Use::input)}, [&, read, fence] {
      const auto load = [&] {
        if (thread_index() != 0) return;
        transaction_expect(kBarrier, kBoxBytes);
        load_box(kBox, tensor.map(), 0, 0, kBarrier);
      };
      init_barrier(kBarrier, 1);
      if (read) {
        load();
        transaction_wait(kBarrier, 0);
        shared_load(kBox + static_cast<unsigned>(thread_index()) * 4);
      } else {
        shared_store(kBox + static_cast<unsigned>(thread_index()) * 4, 0);
      }
      if (fence == Fence::before) async_fence();
      block_barrier();
      if (fence == Fence::after) async_fence();
      load();
      transaction_wait(kBarrier, read ? 1 : 0);
    });
  };
  CHECK(reload(true, Fence::before) == "");
  CHECK(reload(false, Fence::before) == "");
  for (const Fence fence : {Fence::none, Fence::after}) {
    CHECK_THAT(reload(true, fence), Contains("load_box") && Contains("read with no async_fence before the barrier"));
    CHECK_THAT(reload(false, fence),
               Contains("load_box") && Contains("written with no async_fence before the barrier"));
  }
}

TEST_CASE("a lane hands over what its warp has fenced, once the warp has met") {
  Tensor tensor(16, 128, 1);
  const auto hand_over = [&](bool meets) {
    return faults({}, {tensor.region(Use::input)}, [&, meets] {
      init_barrier(kBarrier, 1);
      init_barrier(kOther, 1);
      if (thread_index() >= 96) {
        shared_store(kBox + static_cast<unsigned>(thread_index()) * 4, 0);
        async_fence();
        if (meets) warp_barrier();
        if (thread_index() == 96) transaction_arrive(kOther);
      } else if (thread_index() == 0) {
        transaction_wait(kOther, 0);
        transaction_expect(kBarrier, kBoxBytes);
        load_box(kBox, tensor.map(), 0, 0, kBarrier);
        transaction_wait(kBarrier, 0);
      }
    });
  };
  CHECK(hand_over(true) == 0);
  CHECK(hand_over(false) > 0);
}

TEST_CASE("a CTA that begins knows nothing of what others left unfenced") {
  Tensor tensor(16, 128, 1);
  CHECK(fault({.grid = 6}, {tensor.region(Use::input)}, [&] {
          init_barrier(kBarrier, 1);
          if (thread_index() == 0) {
            transaction_expect(kBarrier, kBoxBytes);
            load_box(kBox, tensor.map(), 0, 0, kBarrier);
          }
          transaction_wait(kBarrier, 0);
          shared_load(kBox + static_cast<unsigned>(thread_index()) * 4);
          shared_store(kBox + static_cast<unsigned>(thread_index()) * 4, 0);
        }) == "");
}

TEST_CASE("what is stored stays until the store is waited for") {
  Tensor tensor(16, 128, 1);
  const auto store = [&](const std::function<void()>& then) {
    return fault({}, {tensor.region(Use::output)}, [&] {
      for (unsigned i = 0; i < 4; ++i)
        shared_store_vec<16>(kBox + i * 2048 + static_cast<unsigned>(thread_index()) * 16, Vec16{});
      async_fence();
      block_barrier();
      if (thread_index() != 0) return;
      store_box(tensor.map(), 0, 0, kBox);
      then();
    });
  };
  const std::string held = "that are still read by what nobody has waited for";
  const auto two = [&](bool early) {
    return [&tensor, early] {
      store_commit();
      store_box(tensor.map(), 0, 0, kBox + 2048);
      store_commit();
      store_wait_read<1>();
      shared_store(early ? kBox + 2048 : kBox, 1);
      store_wait_read<0>();
      shared_store(kBox + 2048, 1);
    };
  };
  CHECK(store(two(false)) == "");
  CHECK_THAT(store(two(true)), Contains("writes 4 bytes at shared address 10240") && Contains(held));
  CHECK_THAT(store([] { store_wait_read<0>(); }), Contains("store_box") && Contains("is never waited for"));
  CHECK_THAT(store([] { store_commit(); }), Contains("is never waited for"));
  CHECK_THAT(store([] {
               store_commit();
               shared_store(kBox, 1);
             }),
             Contains(held));
  CHECK_THAT(fault({}, {tensor.region(Use::input)},
                   [&] {
                     if (thread_index() != 0) return;
                     for (unsigned i = 0; i < kBoxBytes; i += 4) shared_store(kBox + i, i);
                     async_fence();
                     store_box(tensor.map(), 0, 0, kBox);
                   }),
             Contains("which is an input"));
}
