// SPDX-License-Identifier: Apache-2.0
// Bulk loads of Hopper under emulation.
#include <array>

#include "catch.hpp"
#include "emulation/boxes.hpp"

using namespace ditune;
using namespace ditune::test;
using Catch::Contains;
using emulation::Region;
using emulation::Use;

TEST_CASE("a box is loaded in swizzled rows of 128, 64 or 32 bytes, zeros where the tensor has none") {
  for (const auto& [element, row_bytes] : kWidths) {
    Tensor tensor(20, 200 / element, element);
    const int width = row_bytes, bytes = kBoxRows * width;
    for (const auto& [row, column] :
         {std::pair(0, 0), {8, 0}, {0, 128 / element}, {-3, -5}, {19, 199 / element}, {40, 0}}) {
      CAPTURE(element, width, row, column);
      int wrong = 0;
      const int r = row, c = column;
      CHECK(fault({}, 3, {tensor.region(Use::input)}, [&] {
              init_barrier(kBarrier, 1);
              if (thread_index() == 0) {
                transaction_expect(kBarrier, bytes);
                load_box(kBox, tensor.map(width), r, c, kBarrier);
              }
              transaction_wait(kBarrier, 0);
              for (int i = thread_index(); i < bytes; i += 128) {
                const unsigned char* const there = tensor.at(r, c, i / width, i % width);
                wrong += shared_byte(place(kBox, i / width, i % width, width)) != (there == nullptr ? 0 : *there);
              }
            }) == "");
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("the swizzle goes by the address, not by the row of the box") {
  Tensor tensor(16, 128, 1);
  for (const int width : {128, 64, 32}) {
    const int skipped = 3 * 128 / width, bytes = kBoxRows * width;  // rows
    int wrong = 0;
    CHECK(fault({}, 0, {tensor.region(Use::input)}, [&] {
            init_barrier(kBarrier, 1);
            if (thread_index() == 0) {
              transaction_expect(kBarrier, bytes);
              load_box(kBox + 3 * 128, tensor.map(width), 0, 0, kBarrier);
            }
            transaction_wait(kBarrier, 0);
            for (int i = thread_index(); i < bytes; i += 128)
              wrong += shared_byte(place(kBox, i / width + skipped, i % width, width)) !=
                       *tensor.at(0, 0, i / width, i % width);
          }) == "");
    CHECK(wrong == 0);
  }
}

TEST_CASE("where chunks of narrow boxes lie, row by row") {
  Tensor tensor(16, 128, 1);
  // Of each row the place of its first chunk.
  const auto first_chunks = [&](int width) {
    std::array<int, kBoxRows> found{};
    CHECK(of_one(tensor, [&] {
            transaction_expect(kBarrier, kBoxRows * width);
            load_box(kBox, tensor.map(width), 0, 0, kBarrier);
            transaction_wait(kBarrier, 0);
            for (int row = 0; row < kBoxRows; ++row)
              while (shared_byte(kBox + static_cast<unsigned>(row * width + found.at(static_cast<std::size_t>(row)) *
                                                                                16)) != *tensor.at(0, 0, row, 0))
                ++found.at(static_cast<std::size_t>(row));
          }) == "");
    return found;
  };
  CHECK(first_chunks(64) == std::array<int, kBoxRows>{0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 1, 1, 2, 2, 3, 3});
  CHECK(first_chunks(32) == std::array<int, kBoxRows>{0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1});
}

TEST_CASE("a box is nobody's until its phase is over") {
  Tensor tensor(16, 128, 1);
  const std::vector<Region> memory = {tensor.region(Use::input)};
  const auto load = [&](const std::function<void()>& meanwhile, int bytes = kBoxBytes) {
    return [&tensor, meanwhile, bytes] {
      init_barrier(kBarrier, 1);
      if (thread_index() != 0) return;
      transaction_expect(kBarrier, bytes);
      load_box(kBox, tensor.map(), 0, 0, kBarrier);
      meanwhile();
      transaction_wait(kBarrier, 0);
    };
  };
  const std::string early = "that a copy has not brought yet";
  CHECK(fault({}, memory, load([] {})) == "");
  CHECK_THAT(fault({}, memory, load([] { shared_load(kBox); })), Contains("reads 4 bytes") && Contains(early));
  CHECK_THAT(fault({}, memory, load([] { shared_store(kBox + 2044, 1); })),
             Contains("writes 4 bytes") && Contains(early));
  CHECK_THAT(fault({}, memory, load([&] { load_box(kBox + 1920, tensor.map(), 0, 0, kBarrier); })),
             Contains("load_box") && Contains(early));
  CHECK_THAT(fault({}, memory, load([] {}, kBoxBytes + 16)), Contains("lacks 0 arrivals and 16 bytes"));
  CHECK_THAT(fault({}, memory, load([] {}, kBoxBytes - 16)),
             Contains("load_box") && Contains("16 more bytes than were expected"));
}

TEST_CASE("bytes may come before they are expected") {
  Tensor tensor(16, 128, 1);
  CHECK(of_one(tensor, [&] {
          load_box(kBox, tensor.map(), 0, 0, kBarrier);
          transaction_expect(kBarrier, kBoxBytes);
          transaction_wait(kBarrier, 0);
          shared_load(kBox);
        }) == "");
}

TEST_CASE("boxes land in an order that the seed draws") {
  Tensor tensor(16, 128, 1);
  const auto both = [&](SharedAddress waits) {
    return [&tensor, waits] {
      if (thread_index() == 0) transaction_init(kOther, 1);
      init_barrier(kBarrier, 1);
      if (thread_index() != 0) return;
      transaction_expect(kBarrier, kBoxBytes);
      transaction_expect(kOther, kBoxBytes);
      load_box(kBox, tensor.map(), 0, 0, kBarrier);
      load_box(kBox + kBoxBytes, tensor.map(), 0, 0, kOther);
      transaction_wait(waits, 0);
      shared_load(waits == kOther ? kBox : kBox + kBoxBytes);  // of the other one
      transaction_wait(kBarrier + kOther - waits, 0);
    };
  };
  for (const SharedAddress waits : {kBarrier, kOther}) {
    const int other_later = faults({}, {tensor.region(Use::input)}, both(waits));
    CHECK(other_later > 0);
    CHECK(other_later < kSeeds);
  }
}

TEST_CASE("a box lands once, and is then as any bytes") {
  Tensor tensor(16, 128, 1);
  Tensor out(16, 128, 1);
  CHECK(fault({},
              {tensor.region(Use::input), Region{.name = "out",
                                                 .data = out.bytes(),
                                                 .row_bytes = static_cast<std::size_t>(out.rows * out.pitch),
                                                 .use = Use::output}},
              [&] {
                for (unsigned i = 0; i < 4; ++i)
                  shared_store(kBox + i * 512 + static_cast<unsigned>(thread_index()) * 4, 0);
                async_fence();
                init_barrier(kBarrier, 1);
                if (thread_index() == 0) {
                  transaction_expect(kBarrier, kBoxBytes);
                  load_box(kBox, tensor.map(), 0, 0, kBarrier);
                }
                transaction_wait(kBarrier, 0);
                block_barrier();
                if (thread_index() != 0) return;
                store_box(out.map(), 0, 0, kBox);  // what a unit brought needs no fence
                store_commit();
                store_wait_read<0>();
                shared_store(kBox, 7);
                transaction_arrive(kBarrier);
                transaction_wait(kBarrier, 1);
                if (shared_load(kBox) != 7) throw std::logic_error("landed again");
              }) == "");
}

TEST_CASE("a box is asked for as the unit takes it") {
  Tensor tensor(16, 128, 1);
  const auto load = [&](SharedAddress to, const TensorMap& map) {
    return of_one(tensor, [&] { load_box(to, map, 0, 0, kBarrier); });
  };
  CHECK_THAT(load(kBox + 64, tensor.map()), Contains("no multiple of 128"));
  CHECK_THAT(load(kShared - 1024, tensor.map()), Contains("beyond the 65536"));
  unsigned char* const base = tensor.bytes();
  CHECK_THAT(load(kBox, encoded({base + 8, 16, 100, 144, 1, 16, 128})), Contains("base is no multiple of 16"));
  CHECK_THAT(load(kBox, encoded({base, 16, 100, 136, 1, 16, 128})),
             Contains("pitch of 136 bytes is no multiple of 16"));
  CHECK_THAT(load(kBox, encoded({base, 16, 100, 144, 3, 16, 128})), Contains("elements of 3 bytes"));
  CHECK_THAT(load(kBox, encoded({base, 16, 100, 144, 1, 257, 128})), Contains("boxes of 257 rows"));
  CHECK_THAT(load(kBox, encoded({base, 0, 100, 144, 1, 16, 128})), Contains("without elements"));
  for (const int width : {0, 16, 48, 96, 256})
    CHECK_THAT(load(kBox, tensor.map(width)), Contains("boxes of " + std::to_string(width) + " bytes a row"));
  CHECK_THAT(load(kBox, encoded({base, 17, 128, tensor.pitch, 1, 32, 128})), Contains("behind the end of tensor"));
  CHECK_THAT(of_one(tensor, [&] { load_box(kBox, tensor.map(), 0, 0, kOther); }), Contains("not initialized"));
  CHECK_THAT(of_one(tensor, [&] { load_box_multicast(kBox, tensor.map(), 0, 0, kBarrier, 2); }),
             Contains("of a cluster of 1"));
  CHECK_THAT(of_one(tensor,
                    [&] {
                      transaction_init(kOther, 1);
                      load_box(kBox, tensor.map(), 0, 0, kOther);
                    }),
             Contains("with no transaction_init_fence since"));
}

TEST_CASE("bytes are loaded by the 16") {
  Tensor tensor(1, 128, 1);
  const auto load = [&](SharedAddress to, int from, int bytes) {
    return of_one(tensor, [&] {
      transaction_expect(kBarrier, bytes);
      load_bytes(to, tensor.bytes() + from, bytes, kBarrier);
      transaction_wait(kBarrier, 0);
      unsigned pair[2];
      shared_load_pair(pair, to + 8);
      std::uint64_t right = 0, read = 0;
      std::memcpy(&right, tensor.bytes() + from + 8, 8);
      std::memcpy(&read, pair, 8);
      if (read != right) throw std::logic_error("wrong bytes");
    });
  };
  CHECK(load(kBox + 16, 32, 96) == "");
  CHECK_THAT(load(kBox + 8, 32, 96), Contains("no multiple of 16"));
  CHECK_THAT(load(kBox, 8, 96), Contains("no multiple of that"));
  CHECK_THAT(load(kBox, 0, 24), Contains("loads 24 bytes"));
  CHECK_THAT(load(kBox, 0, 0), Contains("loads 0 bytes"));
  CHECK_THAT(load(kBox, 64, 80), Contains("behind the end of tensor") || Contains("which has 128"));
}

TEST_CASE("a box for several CTAs lands in each of them, at its barrier") {
  Tensor tensor(32, 128, 1);
  const auto halves = [&](int bytes, bool meet) {
    return [&tensor, bytes, meet] {
      if (thread_index() == 0) {
        transaction_init(kBarrier, 1);
        transaction_init_fence();
      }
      cluster_barrier();
      const int rank = cluster_rank();
      if (thread_index() == 0) {
        transaction_expect(kBarrier, bytes);
        load_box_multicast(kBox + static_cast<unsigned>(rank * kBoxBytes), tensor.map(), rank * kBoxRows, 0, kBarrier,
                           3);
      }
      if (meet || rank == 0) transaction_wait(kBarrier, 0);
      if (!meet) return;
      for (int i = thread_index(); i < 2 * kBoxBytes; i += 128)
        if (shared_byte(place(kBox, i / 128, i % 128)) != *tensor.at(0, 0, i / 128, i % 128))
          throw std::logic_error("wrong bytes");
    };
  };
  const Shape shape{.grid = 4, .cluster = 2};
  CHECK(fault(shape, {tensor.region(Use::input)}, halves(2 * kBoxBytes, true)) == "");
  CHECK_THAT(fault(shape, {tensor.region(Use::input)}, halves(kBoxBytes, true)),
             Contains("more bytes than were expected") || Contains("not brought yet"));
  CHECK_THAT(fault(shape, {tensor.region(Use::input)}, halves(2 * kBoxBytes, false)), Contains("which has ended"));
}
