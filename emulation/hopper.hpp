// SPDX-License-Identifier: Apache-2.0
// The hardware of hopper.cuh on the CPU: see hardware.hpp.
#pragma once

#include "emulation/hardware.hpp"
#include "tensor_map.cuh"

namespace ditune {

// ---- warpgroups and clusters

template <int Registers>
inline void raise_registers(DITUNE_WHERE) {
  static_assert(Registers % 8 == 0 && Registers >= 24 && Registers <= 256);
  emulation::machine().raise_registers(Registers, DITUNE_SITE);
}
template <int Registers>
inline void lower_registers(DITUNE_WHERE) {
  static_assert(Registers % 8 == 0 && Registers >= 24 && Registers <= 256);
  emulation::machine().lower_registers(Registers, DITUNE_SITE);
}

inline void named_barrier(int id, int threads, DITUNE_WHERE) {
  emulation::machine().named_barrier(id, threads, DITUNE_SITE);
}
inline int warp_uniform(int value, DITUNE_WHERE) { return emulation::WarpExchange<int>(value, DITUNE_SITE).of(0); }
inline int cluster_rank() { return emulation::machine().place().rank; }
inline void cluster_barrier(DITUNE_WHERE) { emulation::machine().barrier(emulation::Scope::cluster, DITUNE_SITE); }

// ---- dependent launches

inline void wait_for_prerequisites() { emulation::machine().wait_for_prerequisites(); }
inline void launch_dependents() {}

// ---- transaction barriers

inline void transaction_init(SharedAddress barrier, int arrivals, DITUNE_WHERE) {
  emulation::machine().transaction_init(barrier, arrivals, DITUNE_SITE);
}
inline void transaction_init_fence(DITUNE_WHERE) { emulation::machine().transaction_init_fence(DITUNE_SITE); }
inline void transaction_arrive(SharedAddress barrier, DITUNE_WHERE) {
  emulation::machine().transaction_arrive(barrier, 0, DITUNE_SITE);
}
inline void transaction_arrive_at(SharedAddress barrier, int rank, DITUNE_WHERE) {
  emulation::machine().transaction_arrive_at(barrier, rank, DITUNE_SITE);
}
inline void transaction_expect(SharedAddress barrier, int bytes, DITUNE_WHERE) {
  emulation::machine().transaction_arrive(barrier, bytes, DITUNE_SITE);
}
inline void transaction_wait(SharedAddress barrier, unsigned parity, DITUNE_WHERE) {
  emulation::machine().transaction_wait(barrier, parity, DITUNE_SITE);
}

// ---- bulk copies

namespace emulation {

// Under emulation the bytes of a tensor map are its description.
inline TensorMapSpec description(const TensorMap& map) {
  TensorMapSpec spec;
  std::memcpy(&spec, &map, sizeof(spec));
  return spec;
}

}  // namespace emulation

inline void async_fence(DITUNE_WHERE) { emulation::machine().async_fence(DITUNE_SITE); }
inline void prefetch_map(const TensorMap&) {}

// The parameters of templates/common/hopper.cuh, whose text is part of what winners are known by.
// NOLINTBEGIN(readability-function-size)
inline void load_box(SharedAddress destination, const TensorMap& map, int row, int column, SharedAddress barrier,
                     DITUNE_WHERE) {
  emulation::machine().load_box({destination, emulation::description(map), row, column, barrier, 1U << cluster_rank()},
                                DITUNE_SITE);
}
inline void load_box_multicast(SharedAddress destination, const TensorMap& map, int row, int column,
                               SharedAddress barrier, unsigned ranks, DITUNE_WHERE) {
  emulation::machine().load_box({destination, emulation::description(map), row, column, barrier, ranks}, DITUNE_SITE);
}
// NOLINTEND(readability-function-size)
inline void load_bytes(SharedAddress destination, const void* source, int bytes, SharedAddress barrier, DITUNE_WHERE) {
  emulation::machine().load_bytes(destination, source, static_cast<unsigned>(bytes), barrier, DITUNE_SITE);
}

inline void store_box(const TensorMap& map, int row, int column, SharedAddress source, DITUNE_WHERE) {
  emulation::machine().store_box(emulation::description(map), row, column, source, DITUNE_SITE);
}
inline void store_commit() { emulation::machine().commit_stores(); }
template <int Pending>
inline void store_wait_read() {
  emulation::machine().wait_stores(Pending);
}

inline void shared_load_pair(unsigned (&v)[2], SharedAddress address, DITUNE_WHERE) {
  emulation::machine().shared_read(v, address, 8, DITUNE_SITE);
}

// ---- matrices

// A lane gathers the row whose address it gives, and writes it.
inline void store_matrix_x4(SharedAddress row, const unsigned (&r)[4], DITUNE_WHERE) {
  Vec16 mine;
  std::memcpy(mine.word, r, sizeof(mine.word));
  const emulation::WarpExchange<Vec16> fragments(mine, DITUNE_SITE);
  const int lane = thread_index() % emulation::kWarp;
  Vec16 gathered;
  for (int i = 0; i < 4; ++i) gathered.word[i] = fragments.of(lane % 8 * 4 + i).word[lane / 8];
  emulation::machine().shared_write(row, gathered.word, 16, DITUNE_SITE);
}

inline void wgmma_fence(DITUNE_WHERE) { emulation::machine().fence_products(DITUNE_SITE); }
inline void wgmma_commit(DITUNE_WHERE) { emulation::machine().commit_products(DITUNE_SITE); }
template <int Pending>
inline void wgmma_wait(DITUNE_WHERE) {
  emulation::machine().wait_products(Pending, DITUNE_SITE);
}
template <int N>
inline void wgmma_m64k32_s8(int (&d)[N / 2], unsigned long long a, unsigned long long b, bool accumulate,
                            DITUNE_WHERE) {
  static_assert(N % 16 == 0 && N >= 32 && N <= 256);
  emulation::machine().multiply({.d = d, .n = N, .a = a, .b = b, .accumulate = accumulate}, DITUNE_SITE);
}

}  // namespace ditune
