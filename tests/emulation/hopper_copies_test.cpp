// SPDX-License-Identifier: Apache-2.0
// Bulk copies of Hopper under emulation.
#include <algorithm>
#include <array>

#include "catch.hpp"
#include "emulation/emulated_hopper.hpp"

using namespace ditune;
using namespace ditune::test;
using Catch::Contains;
using emulation::Region;
using emulation::Use;

namespace {

constexpr SharedAddress kBox = 8192, kBarrier = 1024, kOther = 1032;
constexpr int kBoxRows = 16, kBoxBytes = kBoxRows * 128;

// A tensor of `rows` rows of `columns` elements of `element` bytes, 16 bytes and more between rows.
struct Tensor {
  int rows, columns, element, pitch;
  std::vector<Vec16> storage;

  Tensor(int r, int c, int e)
      : rows(r),
        columns(c),
        element(e),
        pitch((c * e / 16 + 2) * 16),
        storage(static_cast<std::size_t>(r * pitch / 16)) {
    for (int i = 0; i < r * pitch; ++i) bytes()[i] = static_cast<unsigned char>(i * 7 + i / 251);
  }
  unsigned char* bytes() { return reinterpret_cast<unsigned char*>(storage.data()); }
  TensorMap map(int box_bytes = 128) { return encoded({bytes(), rows, columns, pitch, element, kBoxRows, box_bytes}); }
  Region region(Use use) {
    return {.name = "tensor",
            .data = bytes(),
            .row_bytes = static_cast<std::size_t>(columns * element),
            .rows = static_cast<std::size_t>(rows),
            .pitch = static_cast<std::size_t>(pitch),
            .use = use};
  }
  // Where byte `byte` of row `row` of the box from (box_row, box_column) on lies; null outside.
  unsigned char* at(int box_row, int box_column, int row, int byte) {
    const int r = box_row + row, b = box_column * element + byte;
    const bool inside = r >= 0 && r < rows && b >= 0 && b < columns * element;
    return inside ? bytes() + r * pitch + b : nullptr;
  }
};

// In rows of `width` bytes that are swizzled by as many, the first of them 1024-byte aligned: the chunks of a row
// change places as those of the 128 bytes that it lies in.
unsigned place(unsigned base, int row, int byte, int width = 128) {
  const int line = row * width / 128;
  return base + static_cast<unsigned>(row * width + ((byte / 16) ^ (line % (width / 16))) * 16 + byte % 16);
}

unsigned char shared_byte(unsigned address) {
  return static_cast<unsigned char>(shared_load(address / 4 * 4) >> (address % 4 * 8));
}

// Elements' bytes and those of a row of a box.
constexpr std::array<std::pair<int, int>, 9> kWidths{
    {{1, 128}, {2, 128}, {4, 128}, {1, 64}, {2, 64}, {4, 64}, {1, 32}, {2, 32}, {4, 32}}};

// What thread 0 does with a barrier of one arrival that is initialized.
std::string of_one(Tensor& tensor, const std::function<void()>& what) {
  return fault({}, {tensor.region(Use::input)}, [&] {
    init_barrier(kBarrier, 1);
    if (thread_index() == 0) what();
  });
}

}  // namespace

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
