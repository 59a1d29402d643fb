// SPDX-License-Identifier: Apache-2.0
// Warpgroups' matrices of Hopper under emulation: wgmma and stmatrix.
#include <array>
#include <numeric>
#include <random>
#include <span>

#include "catch.hpp"
#include "emulation/emulated_hopper.hpp"

using namespace ditune;
using namespace ditune::test;
using Catch::Contains;

namespace {

constexpr SharedAddress kA = 0, kB = 8192, kBarrier = 60 * 1024;  // 64 rows, up to 256 rows
constexpr int kDepth = 128;

// Rows of 128 bytes, as they lie in shared memory and as they are.
struct Matrix {
  int rows;
  std::vector<signed char> values;

  Matrix(int n, unsigned seed) : rows(n), values(static_cast<std::size_t>(n * kDepth)) {
    std::mt19937 random(seed);
    for (auto& v : values) v = static_cast<signed char>(random());
  }
  std::span<const signed char> part(int row, int begin, int end) const {
    return std::span(values).subspan(row * kDepth + begin, end - begin);
  }
  // By all threads; chunks of 16 bytes.
  void store(SharedAddress to) const {
    for (int i = thread_index(); i < rows * 8; i += 128) {
      Vec16 chunk;
      std::memcpy(chunk.word, values.data() + i * 16, 16);
      shared_store_vec<16>(to + static_cast<unsigned>(i / 8 * 128 + ((i % 8) ^ (i / 8 % 8)) * 16), chunk);
    }
  }
};

int dot(std::span<const signed char> a, std::span<const signed char> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0);
}

// The element of d in register i of thread t, by the PTX ISA's figure.
std::pair<int, int> element(int t, int i) {
  const int warp = t / 32, group = t % 32 / 4, quad = t % 4;
  return {warp * 16 + group + (i % 4 >= 2 ? 8 : 0), i / 4 * 8 + quad * 2 + i % 2};
}

// Both operands are there for units, then `what`.
std::string with_operands(int n, const std::function<void()>& what, const Shape& shape = {}) {
  const Matrix a(64, 1), b(n, 2);
  return fault(shape, [&] {
    a.store(kA);
    b.store(kB);
    async_fence();
    init_barrier(kBarrier, 1);
    what();
  });
}

template <int N>
long long wrong_products() {
  const Matrix a(64, 1), b(N, 2);
  long long wrong = 0;
  const std::string found = with_operands(N, [&] {
    int d[N / 2];
    for (int i = 0; i < N / 2; ++i) d[i] = i;
    wgmma_fence();
    for (unsigned k = 0; k < 4; ++k)
      wgmma_m64k32_s8<N>(d, matrix_descriptor(kA) + 2 * k, matrix_descriptor(kB) + 2 * k, k != 2);
    wgmma_commit();
    wgmma_wait<0>();
    for (int i = 0; i < N / 2; ++i) {
      const auto [row, column] = element(thread_index(), i);
      wrong += d[i] != dot(a.part(row, 64, 128), b.part(column, 64, 128));  // the third step began anew
    }
    for (int i = 0; i < N / 2; ++i) d[i] = i;
    wgmma_fence();
    wgmma_m64k32_s8<N>(d, matrix_descriptor(kA), matrix_descriptor(kB), true);
    wgmma_commit();
    wgmma_wait<0>();
    for (int i = 0; i < N / 2; ++i) {
      const auto [row, column] = element(thread_index(), i);
      wrong += d[i] != i + dot(a.part(row, 0, 32), b.part(column, 0, 32));
    }
  });
  CHECK(found == "");
  return wrong;
}

void multiply(int (&d)[32], SharedAddress a = kA, SharedAddress b = kB) {
  wgmma_m64k32_s8<64>(d, matrix_descriptor(a), matrix_descriptor(b), false);
}

void finish() {
  wgmma_commit();
  wgmma_wait<0>();
}

}  // namespace

TEST_CASE("wgmma multiplies swizzled rows, and lays its result out as the PTX ISA says") {
  CHECK(wrong_products<32>() == 0);
  CHECK(wrong_products<48>() == 0);
  CHECK(wrong_products<64>() == 0);
  CHECK(wrong_products<80>() == 0);
  CHECK(wrong_products<96>() == 0);
  CHECK(wrong_products<144>() == 0);
  CHECK(wrong_products<208>() == 0);
  CHECK(wrong_products<240>() == 0);
  CHECK(wrong_products<256>() == 0);
}

TEST_CASE("several tiles of accumulators are multiplied in one group") {
  const Matrix a(64, 1), b(64, 2);
  long long wrong = 0;
  CHECK(with_operands(64, [&] {
          int d[2][32];
          wgmma_fence();
          for (unsigned k = 0; k < 2; ++k)
            for (unsigned i = 0; i < 2; ++i)
              wgmma_m64k32_s8<64>(d[i], matrix_descriptor(kA) + 2 * k + 4 * i, matrix_descriptor(kB) + 2 * k + 4 * i,
                                  k > 0);
          finish();
          for (int tile = 0; tile < 2; ++tile) {
            for (int i = 0; i < 32; ++i) {
              const auto [row, column] = element(thread_index(), i);
              const int k = tile * 64;
              wrong += d[tile][i] != dot(a.part(row, k, k + 64), b.part(column, k, k + 64));
            }
          }
        }) == "");
  CHECK(wrong == 0);
}

TEST_CASE("accumulators are poison until their last group is waited for") {
  int early = 0, late = 0;
  CHECK(with_operands(64, [&] {
          int first[32], second[32];
          wgmma_fence();
          multiply(first);
          wgmma_commit();
          multiply(second, kA, kB);
          wgmma_commit();
          early += first[0] == static_cast<int>(0xa5a5a5a5);
          wgmma_wait<1>();
          late += first[0] != static_cast<int>(0xa5a5a5a5) && second[0] == static_cast<int>(0xa5a5a5a5);
          wgmma_wait<0>();
          late += first[0] == second[0];
        }) == "");
  CHECK(early % 128 == 0);
  CHECK(early > 0);
  CHECK(late == 2 * early);
}

TEST_CASE("registers are ordered by a fence, and left alone until the wait") {
  CHECK_THAT(with_operands(64,
                           [] {
                             int d[32];
                             multiply(d);
                             finish();
                           }),
             Contains("wgmma_m64k32_s8") && Contains("has registers that no wgmma_fence has ordered"));
  const auto again = [](bool change, bool fence) {
    return with_operands(64, [=] {
      int d[32];
      wgmma_fence();
      multiply(d);
      finish();
      if (change) d[7] ^= 1;
      if (fence) wgmma_fence();
      multiply(d);
      finish();
    });
  };
  CHECK(again(false, false) == "");
  CHECK(again(true, true) == "");
  CHECK_THAT(again(true, false), Contains("written with no wgmma_fence since"));
  const auto meanwhile = [](bool next) {
    return with_operands(64, [=] {
      int d[32];
      wgmma_fence();
      multiply(d);
      if (thread_index() == 77) d[7] = 1;
      if (next) multiply(d);
      finish();
    });
  };
  CHECK_THAT(meanwhile(true), Contains("warp 2, lane 13: has registers that were written before they were waited for"));
  CHECK_THAT(meanwhile(false), Contains("brings registers that were written before they were waited for"));
  CHECK_THAT(with_operands(64,
                           [] {
                             int d[48];
                             wgmma_fence();
                             multiply(reinterpret_cast<int(&)[32]>(d[0]));
                             multiply(reinterpret_cast<int(&)[32]>(d[16]));
                             finish();
                           }),
             Contains("another product has"));
}

TEST_CASE("a CTA knows nothing of the products of the one before it") {
  const auto kernel = [&](bool all_fence) {
    unsigned first = 0;  // cluster of a launch, whose CTAs' places those of the next one take
    int threads = 0;
    return with_operands(64,
                         [&, all_fence] {
                           const unsigned cluster = block_index() / 4;
                           if (threads++ % (8 * 128) == 0) first = cluster;
                           int d[32];
                           for (int i = 0; i < 32; ++i) d[i] = static_cast<int>(block_index());
                           if (all_fence || cluster == first) wgmma_fence();
                           multiply(d);
                           finish();
                         },
                         {.grid = 8, .cluster = 4});
  };
  CHECK(kernel(true) == "");
  CHECK_THAT(kernel(false), Contains("has registers that no wgmma_fence has ordered"));
}

TEST_CASE("a product is waited for before its thread ends") {
  const auto leave = [](bool commit, int wait) {
    return with_operands(64, [=] {
      int d[32];
      wgmma_fence();
      multiply(d);
      if (commit) wgmma_commit();
      if (wait == 0) wgmma_wait<0>();
      if (wait == 1) wgmma_wait<1>();
    });
  };
  const std::string never = "is never waited for";
  CHECK(leave(true, 0) == "");
  CHECK_THAT(leave(true, 1), Contains("wgmma_m64k32_s8") && Contains(never));
  CHECK_THAT(leave(true, 2), Contains(never));
  CHECK_THAT(leave(false, 0), Contains(never));
}

TEST_CASE("operands are there for units, and stay until the product is waited for") {
  const auto product = [](bool fence, bool barrier, const std::function<void()>& meanwhile) {
    const Matrix a(64, 1), b(64, 2);
    return fault({}, [&] {
      a.store(kA);
      b.store(kB);
      if (fence) async_fence();
      if (barrier) block_barrier();
      int d[32];
      wgmma_fence();
      multiply(d);
      wgmma_commit();
      meanwhile();
      wgmma_wait<0>();
      shared_store(kA + static_cast<unsigned>(thread_index()) * 4, 0);
    });
  };
  CHECK(product(true, true, [] {}) == "");
  CHECK_THAT(product(false, true, [] {}),
             Contains("a reads 16 bytes at shared address 0 that were written with no async_fence"));
  CHECK_THAT(product(true, false, [] {}), Contains("wrote with no barrier since"));
  CHECK_THAT(product(true, true, [] { shared_store(kB, 1); }),
             Contains("writes 4 bytes at shared address 8192 that are still read by what nobody has waited for"));
  CHECK(product(true, true, [] { shared_store(kB + 32 + 128, 1); }) == "");  // chunk 2 of row 1 is chunk 3's place
  CHECK_THAT(with_operands(64,
                           [] {
                             int d[32];
                             wgmma_fence();
                             multiply(d, kA, kB + 8192);
                             finish();
                           }),
             Contains("b reads 16 bytes at shared address 16384 that nobody wrote"));
  CHECK_THAT(with_operands(64,
                           [] {
                             int d[32];
                             wgmma_fence();
                             multiply(d, kA, kShared);
                             finish();
                           }),
             Contains("beyond the 65536"));
}

TEST_CASE("a box is not loaded onto what a product still reads, nor multiplied before it has come") {
  alignas(16) static std::array<unsigned char, 64 * 128> tensor{};
  const emulation::Region region{.name = "tensor", .data = tensor.data(), .row_bytes = tensor.size()};
  const TensorMap map = encoded({tensor.data(), 64, 128, 128, 1, 64, 128});
  const Matrix b(64, 2);
  const auto kernel = [&](bool early, bool waits) {
    return fault({}, {region}, [&] {
      b.store(kA);
      b.store(kB);
      async_fence();
      init_barrier(kBarrier, 1);
      int d[32];
      wgmma_fence();
      multiply(d);
      wgmma_commit();
      if (!early) wgmma_wait<0>();
      block_barrier();
      if (thread_index() == 0) {
        transaction_expect(kBarrier, 64 * 128);
        load_box(kA, map, 0, 0, kBarrier);
      }
      if (waits) transaction_wait(kBarrier, 0);
      if (early) wgmma_wait<0>();
      multiply(d);
      finish();
      transaction_wait(kBarrier, 0);
    });
  };
  CHECK(kernel(false, true) == "");
  CHECK_THAT(kernel(true, true), Contains("load_box") && Contains("that are still read by what nobody has waited for"));
  CHECK_THAT(kernel(false, false), Contains("a reads") && Contains("that a copy has not brought yet"));
}

TEST_CASE("descriptors are of rows of 128 swizzled bytes in groups of eight") {
  const auto product = [](unsigned long long changed) {
    return with_operands(64, [=] {
      int d[32];
      wgmma_fence();
      wgmma_m64k32_s8<64>(d, matrix_descriptor(kA) ^ changed, matrix_descriptor(kB), false);
      finish();
    });
  };
  CHECK(product(0) == "");
  CHECK_THAT(product(1ULL << 32), Contains("a has a descriptor whose stride byte offset is 1040, not 1024"));
  CHECK_THAT(product(3ULL << 62), Contains("swizzle mode is 2, not 1"));
  CHECK_THAT(product(1ULL << 49), Contains("base offset"));
  CHECK_THAT(product(8), Contains("start address 128 is not in the first of 8 rows"));
  CHECK_THAT(product(1ULL << 52), Contains("reserved bits"));
}

TEST_CASE("a product is all of one warpgroup's") {
  const auto by = [](int first, int last) {
    return [=] {
      int d[32];
      wgmma_fence();
      if (thread_index() >= first && thread_index() < last) multiply(d);
      finish();
    };
  };
  CHECK_THAT(with_operands(64, by(0, 96)), Contains("is not reached by all: warp 3"));
  CHECK(with_operands(64, by(128, 256), {.block = 256}) == "");
  CHECK_THAT(with_operands(64, by(128, 256), {.block = 192}), Contains("needs four warps"));
  CHECK_THAT(with_operands(64,
                           [] {
                             int d[32];
                             wgmma_fence();
                             multiply(d, thread_index() == 100 ? kB : kA, kB);
                             finish();
                           }),
             Contains("other lanes of the warpgroup multiply something else"));
}

TEST_CASE("store_matrix_x4 writes row l / 4 of each matrix from lane l, four bytes each") {
  int wrong = 0;
  CHECK(fault({.block = 32}, [&] {
          const auto lane = static_cast<unsigned>(thread_index());
          unsigned r[4];
          for (unsigned i = 0; i < 4; ++i) r[i] = i * 100 + lane;
          store_matrix_x4((lane ^ 8) * 16, r);  // matrices 0 and 1, 2 and 3 change places
          warp_barrier();
          for (unsigned i = 0; i < 4; ++i)
            wrong += shared_load(((i ^ 1) * 8 + lane / 4) * 16 + lane % 4 * 4) != i * 100 + lane;
        }) == "");
  CHECK(wrong == 0);
  CHECK_THAT(fault({.block = 32},
                   [] {
                     const unsigned r[4] = {};
                     store_matrix_x4(static_cast<unsigned>(thread_index()) * 16 + 8, r);
                   }),
             Contains("store_matrix_x4") && Contains("no multiple"));
}
